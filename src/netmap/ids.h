#pragma once

#include <cstdint>

#include "base/tagged.h"

// Rows' numbers: positive, below 2^53, never used again (spec: server section 1.2).
namespace warren::netmap {

using UserId = TaggedNumber<struct UserIdTag, std::int64_t>;
using NodeId = TaggedNumber<struct NodeIdTag, std::int64_t>;

}  // namespace warren::netmap
