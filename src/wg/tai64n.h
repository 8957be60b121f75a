#pragma once

#include <array>
#include <cstdint>

#include "base/time.h"

namespace warren::wg {

// The timestamp of an initiation (spec: paths section 1.3): seconds since 1970 TAI in big-endian
// order behind 2^62, then nanoseconds. Compared bytewise. All zero: older than any.
using Tai64n = std::array<std::uint8_t, 12>;

// The low 24 bits of the nanoseconds are cleared (steps of 16.7 ms), so that it tells little about
// our clock.
Tai64n to_tai64n(const WallTime& time);

// The stamp of `now`, or the step after `last` when the wall clock has not moved on since or has
// gone back: a responder ignores what is not newer.
Tai64n next_tai64n(const WallTime& now, const Tai64n& last);

}  // namespace warren::wg
