#pragma once

#include <vector>

#include "base/random.h"
#include "base/time.h"

namespace warren::sim {

// What a link does to a datagram. Percentages are of datagrams.
struct LinkQuality {
  Duration delay = 10ms;
  Duration jitter{};  // added, uniform; what overtakes is reordered
  unsigned loss_percent = 0;
  unsigned duplicate_percent = 0;
  unsigned reorder_percent = 0;  // held back by up to `reorder_delay` beyond the others
  Duration reorder_delay{};
};

// After how long each copy of one datagram arrives: none when it is lost, two when duplicated.
std::vector<Duration> carry(const LinkQuality& quality, Random& random);

}  // namespace warren::sim
