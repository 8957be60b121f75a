#pragma once

#include <cstddef>
#include <string>

#include "proto/control/hostinfo.h"

// What a node tells about itself reaches other nodes, logs and terminals: so it is bounded, and
// nothing in it steers a terminal (spec: control section 7.2). Pure.
namespace warren::control {

inline constexpr std::size_t kMaxHostinfo = std::size_t{64} << 10;  // of its JSON text

// Takes the control characters out: those of ASCII, and U+0080 to U+009F.
void drop_controls(std::string& text);
// Out of every text in it.
void clean(Hostinfo& hostinfo);

}  // namespace warren::control
