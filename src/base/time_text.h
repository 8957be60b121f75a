#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

// Wall time as text: RFC 3339 section 5.6, as Go's encoding/json writes and accepts it.
namespace warren {

// "2026-01-02T03:04:05.25Z": UTC, as many fractional digits as are needed, at most nine. Years
// outside 0 to 9999 have no text and become the nearest that has one.
std::string to_rfc3339(const WallTime& time);

// With "Z" or an offset. Fractional digits after the ninth are dropped. None for another form, a
// day that does not exist, or a leap second.
std::optional<WallTime> parse_rfc3339(std::string_view text);

}  // namespace warren
