#pragma once

#include <functional>

namespace warren::cli {

// Forks. The child runs `work`; when that calls `ready`, the child leaves the terminal and the
// parent returns 0. If the child ends before, the parent returns its exit code: the child has said
// why on the stderr that they share until then. Returns in both processes; call it before any
// thread is started.
int run_in_background(const std::function<int(const std::function<void()>& ready)>& work);

}  // namespace warren::cli
