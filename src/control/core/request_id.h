#pragma once

#include <cstdint>

#include "base/tagged.h"

namespace warren::control {

// One HTTP/2 stream of one connection; the shell hands them out and never uses one twice.
using RequestId = TaggedNumber<struct RequestIdTag, std::uint64_t>;

}  // namespace warren::control
