#pragma once

#include <cstdint>

#include "base/time.h"

namespace warren::relay::client {

// The rate that a server asked its clients to keep (spec: paths section 2.3).
class TokenBucket {
 public:
  // Full. A rate of zero lets everything pass.
  void start(std::uint64_t bytes_per_second, std::uint64_t burst_bytes, TimePoint now);
  // False when the bytes are too many now; then nothing is taken.
  bool take(std::size_t bytes, TimePoint now);

 private:
  double rate_ = 0;  // bytes a second
  double burst_ = 0;
  double tokens_ = 0;
  TimePoint filled_;
};

}  // namespace warren::relay::client
