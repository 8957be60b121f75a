#include "sim/link.h"

namespace warren::sim {

namespace {

bool happens(unsigned percent, Random& random) {
  return percent > 0 && random.below(100) < percent;
}

Duration up_to(Duration longest, Random& random) {
  return Duration(
      static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(longest.count()) + 1)));
}

}  // namespace

std::vector<Duration> carry(const LinkQuality& quality, Random& random) {
  std::vector<Duration> out;
  if (happens(quality.loss_percent, random)) return out;
  const int copies = happens(quality.duplicate_percent, random) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    Duration time = quality.delay + up_to(quality.jitter, random);
    if (happens(quality.reorder_percent, random)) time += up_to(quality.reorder_delay, random);
    out.push_back(time);
  }
  return out;
}

}  // namespace warren::sim
