#pragma once

#include <string>

#include "base/result.h"

namespace warren::io {

// A directory for secrets: made with mode 0700, its parents with 0755, when it is missing. Refused,
// with what to do, when another user owns it or others may write to it: they could put their own
// files in the place of ours.
Result<void> make_private_directory(const std::string& path);

}  // namespace warren::io
