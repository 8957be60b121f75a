#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"

namespace warren::lab {

// Copies of packets that are on their way, in the order in which they arrive; those of one moment
// in the order in which they were sent. Bounded by bytes: what does not fit is refused.
template <class Destination>
class DelayQueue {
 public:
  struct Entry {
    TimePoint at;
    std::uint64_t number = 0;
    Destination destination;
    std::vector<std::uint8_t> bytes;
  };

  explicit DelayQueue(std::uint64_t max_bytes) : max_bytes_(max_bytes) {}

  bool push(TimePoint at, Destination destination, ByteView bytes) {
    if (bytes.size() > max_bytes_ - bytes_) return false;
    bytes_ += bytes.size();
    entries_.push_back({at, next_number_++, destination, {bytes.begin(), bytes.end()}});
    std::ranges::push_heap(entries_, is_later);
    return true;
  }

  TimePoint next() const { return entries_.empty() ? kNever : entries_.front().at; }

  // The first, if it is due.
  std::optional<Entry> pop(TimePoint now) {
    if (next() > now || entries_.empty()) return std::nullopt;
    std::ranges::pop_heap(entries_, is_later);
    Entry out = std::move(entries_.back());
    entries_.pop_back();
    bytes_ -= out.bytes.size();
    return out;
  }

 private:
  static bool is_later(const Entry& a, const Entry& b) {
    return std::pair(a.at, a.number) > std::pair(b.at, b.number);
  }

  std::uint64_t max_bytes_;
  std::uint64_t bytes_ = 0;
  std::uint64_t next_number_ = 0;
  std::vector<Entry> entries_;  // a heap
};

}  // namespace warren::lab
