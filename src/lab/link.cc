#include "lab/link.h"

#include <algorithm>
#include <cmath>

namespace warren::lab {

namespace {

bool happens(double probability, Random& random) {
  if (probability <= 0) return false;
  return std::ldexp(static_cast<double>(random.u64()), -64) < probability;
}

Duration up_to(Duration longest, Random& random) {
  if (longest <= 0ns) return 0ns;
  return Duration(
      static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(longest.count()) + 1)));
}

// Gilbert-Elliott: packets are lost in the bad state and pass in the good one.
bool next_is_lost(bool is_bad, const LinkQuality& quality, Random& random) {
  const double loss = quality.loss_percent / 100;
  if (loss <= 0) return false;
  if (loss >= 1) return true;
  if (quality.loss_burst <= 1) return happens(loss, random);
  // The share of time in the bad state, enter / (enter + leave), is the loss.
  double leave = 1.0 / quality.loss_burst;
  double enter = leave * loss / (1 - loss);
  if (enter > 1) {  // more loss than bursts of this length can make: they become longer
    enter = 1;
    leave = (1 - loss) / loss;
  }
  return is_bad ? !happens(leave, random) : happens(enter, random);
}

}  // namespace

Link::Link(LinkQuality quality, std::uint64_t seed) : quality_(quality), random_(seed) {}

std::vector<TimePoint> Link::carry(std::size_t size, TimePoint now) {
  TimePoint sent = now;
  if (quality_.rate_bits_per_second > 0) {
    sent = std::max(now, free_at_);
    if (sent - now > quality_.queue) {
      ++overflowed_;
      return {};
    }
    const double seconds =
        8.0 * static_cast<double>(size) / static_cast<double>(quality_.rate_bits_per_second);
    sent += Duration(std::llround(seconds * 1e9));
    free_at_ = sent;
  }

  in_loss_ = next_is_lost(in_loss_, quality_, random_);
  if (in_loss_) {
    ++lost_;
    return {};
  }

  std::vector<TimePoint> out;
  const int copies = happens(quality_.duplicate_percent / 100, random_) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    TimePoint arrival = sent + quality_.delay + up_to(quality_.jitter, random_);
    if (happens(quality_.reorder_percent / 100, random_)) {
      arrival += up_to(quality_.reorder_delay, random_);  // the others do not wait for it
    } else if (quality_.keeps_order) {
      arrival = std::max(arrival, last_arrival_);
      last_arrival_ = arrival;
    }
    out.push_back(arrival);
  }
  return out;
}

}  // namespace warren::lab
