#include "tunnel/trains.h"

namespace warren::tunnel {

std::optional<Train> Trains::next() {
  if (index_ == sizes_.size()) return std::nullopt;
  const std::uint16_t segment_size = sizes_[index_];
  Train train{.first = index_, .count = 1, .offset = offset_, .bytes = segment_size};
  while (train.first + train.count < sizes_.size() && train.count < limits_.max_datagrams) {
    const std::uint16_t size = sizes_[train.first + train.count];
    if (size == 0 || size > segment_size || train.bytes + size > limits_.max_bytes) break;
    ++train.count;
    train.bytes += size;
    if (size < segment_size) break;
  }
  if (train.count > 1) train.segment_size = segment_size;
  index_ += train.count;
  offset_ += train.bytes;
  return train;
}

}  // namespace warren::tunnel
