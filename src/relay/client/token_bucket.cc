#include "relay/client/token_bucket.h"

#include <algorithm>

#include "proto/relay/frames.h"

namespace warren::relay::client {

void TokenBucket::start(std::uint64_t bytes_per_second, std::uint64_t burst_bytes, TimePoint now) {
  rate_ = static_cast<double>(bytes_per_second);
  // Every packet must be able to pass some time.
  constexpr double kLeast = kPacketFrameOverhead + kMaxPacketSize;
  burst_ = std::max(static_cast<double>(burst_bytes), kLeast);
  tokens_ = burst_;
  filled_ = now;
}

bool TokenBucket::take(std::size_t bytes, TimePoint now) {
  if (rate_ <= 0) return true;
  const double seconds = std::chrono::duration<double>(now - filled_).count();
  tokens_ = std::min(burst_, tokens_ + rate_ * seconds);
  filled_ = now;
  if (tokens_ < static_cast<double>(bytes)) return false;
  tokens_ -= static_cast<double>(bytes);
  return true;
}

}  // namespace warren::relay::client
