#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/ip_address.h"
#include "base/random.h"
#include "base/time.h"
#include "base/token_bucket.h"

namespace warren::io {

// A token bucket for each source prefix: an IPv4 /24, an IPv6 /48, so that whoever owns a prefix
// does not get more by using all of it.
//
// The table has a fixed size, and prefixes with the same hash share a bucket: a flood from made-up
// addresses spreads thinly over all buckets and costs nobody else's. The hash depends on a secret.
class PrefixLimiter {
 public:
  static constexpr std::size_t kBuckets = 65536;  // a power of two; 512 KiB

  // A token every `interval`, `burst` at once.
  PrefixLimiter(Duration interval, std::size_t burst, Random& random);

  bool allow(const IpAddress& source, TimePoint now);

 private:
  Duration interval_;
  std::size_t burst_;
  std::array<std::uint64_t, 2> secret_;
  std::vector<TokenBucket> buckets_;
};

}  // namespace warren::io
