#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace warren::lab {

struct NumberRange {
  std::uint32_t first = 0;
  std::uint32_t last = 0;  // included

  std::uint32_t size() const { return last - first + 1; }

  bool contains(std::uint32_t number) const { return first <= number && number <= last; }
};

// Numbers of which each is taken by one at most: ports, or blocks of ports.
class NumberPool {
 public:
  explicit NumberPool(NumberRange all) : all_(all), taken_(all.size()) {}

  bool is_free(std::uint32_t number) const {
    return all_.contains(number) && !taken_[number - all_.first];
  }

  // The first free one of `range`, beginning at `start` in it, `step` by `step` and round.
  std::optional<std::uint32_t> take_from(NumberRange range,
                                         std::uint32_t start,
                                         std::uint32_t step = 1);
  void take(std::uint32_t number);
  void release(std::uint32_t number);

 private:
  NumberRange all_;
  std::vector<bool> taken_;
  std::uint32_t count_ = 0;  // of those taken, so that a full pool is not searched
};

}  // namespace warren::lab
