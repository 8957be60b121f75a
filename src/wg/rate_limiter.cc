#include "wg/rate_limiter.h"

#include <algorithm>

#include "wg/constants.h"
#include "wg/relayed_source.h"

namespace warren::wg {

namespace {

constexpr Duration kTokenTime = Duration(1s) / kHandshakesPerSecond;
constexpr Duration kBucketTime = kTokenTime * kHandshakeBurst;
constexpr Duration kSweepInterval = 1s;  // paths section 1.9

IpAddress bucket_of(const IpAddress& source) {
  if (source.is_v4() || is_relayed_source(source)) return source;
  return IpPrefix(source, 64).address();
}

}  // namespace

bool RateLimiter::allow(const IpAddress& source, TimePoint now) {
  sweep(now);
  const IpAddress key = bucket_of(source);
  const auto found = buckets_.find(key);
  if (found == buckets_.end()) {
    if (buckets_.size() >= kMaxSources) return false;
    buckets_.emplace(key, now + kTokenTime);
    return true;
  }
  const TimePoint full_after = std::max(found->second, now) + kTokenTime;
  if (full_after > now + kBucketTime) return false;
  found->second = full_after;
  return true;
}

void RateLimiter::sweep(TimePoint now) {
  if (now < next_sweep_) return;
  next_sweep_ = now + kSweepInterval;
  std::erase_if(buckets_, [now](const auto& bucket) { return bucket.second <= now; });
}

}  // namespace warren::wg
