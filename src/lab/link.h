#pragma once

#include <cstdint>
#include <vector>

#include "base/random.h"
#include "base/time.h"

// What a link does to packets, as a pure library for the simulator and the lab's router (spec:
// data-plane section 8.3).
namespace warren::lab {

// One direction. Percentages are of packets.
struct LinkQuality {
  Duration delay{};
  Duration jitter{};        // added, uniform
  bool keeps_order = true;  // a later packet never overtakes, whatever the jitter
  double loss_percent = 0;
  unsigned loss_burst = 1;  // mean length of a run of losses (Gilbert-Elliott)
  double duplicate_percent = 0;
  double reorder_percent = 0;  // held back by up to `reorder_delay` beyond the others
  Duration reorder_delay{};
  std::uint64_t rate_bits_per_second = 0;  // 0: not limited
  Duration queue = 50ms;                   // at that rate; what does not fit is dropped

  bool operator==(const LinkQuality&) const = default;
};

// One direction of a link.
class Link {
 public:
  explicit Link(LinkQuality quality, std::uint64_t seed);

  void set_quality(const LinkQuality& quality) { quality_ = quality; }

  const LinkQuality& quality() const { return quality_; }

  // When each copy of a packet of `size` bytes arrives: none when it is lost, two when duplicated.
  std::vector<TimePoint> carry(std::size_t size, TimePoint now);

  std::uint64_t lost() const { return lost_; }  // by chance

  std::uint64_t overflowed() const { return overflowed_; }  // the queue was full

 private:
  LinkQuality quality_;
  SeededRandom random_;
  bool in_loss_ = false;
  TimePoint free_at_ = TimePoint::min();  // when the line has sent all it was given
  TimePoint last_arrival_ = TimePoint::min();
  std::uint64_t lost_ = 0;
  std::uint64_t overflowed_ = 0;
};

}  // namespace warren::lab
