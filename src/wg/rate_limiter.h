#pragma once

#include <cstddef>
#include <unordered_map>

#include "base/ip_address.h"
#include "base/time.h"

namespace warren::wg {

// A token bucket for each source that has shown a cookie: 20 handshake messages a second, 5 at once
// (spec: paths section 1.4). An IPv6 source is its /64: whoever has one address of it has all. But
// each address of relayed_source() is a source, which has shown itself to the relay.
//
// Bounded: a bucket that is full again says nothing and is swept away, once a second. When
// kMaxSources are busy, a source without a bucket is refused.
class RateLimiter {
 public:
  static constexpr std::size_t kMaxSources = 16384;

  // Takes a token; false when there is none.
  bool allow(const IpAddress& source, TimePoint now);

  std::size_t size() const { return buckets_.size(); }

 private:
  // A bucket as the time at which it will be full: one number instead of tokens and an age.
  std::unordered_map<IpAddress, TimePoint> buckets_;
  TimePoint next_sweep_;

  void sweep(TimePoint now);
};

}  // namespace warren::wg
