#include "lab/number_pool.h"

#include "base/result.h"

namespace warren::lab {

std::optional<std::uint32_t> NumberPool::take_from(NumberRange range,
                                                   std::uint32_t start,
                                                   std::uint32_t step) {
  WARREN_CHECK(range.contains(start) && step > 0);
  if (count_ == all_.size()) return std::nullopt;
  // Going round lands on the first of the same remainder, so parity survives an odd range.
  const std::uint32_t begin = range.first + (start - range.first) % step;
  std::uint32_t number = start;
  do {
    if (is_free(number)) {
      take(number);
      return number;
    }
    number = range.last - number < step ? begin : number + step;
  } while (number != start);
  return std::nullopt;
}

void NumberPool::take(std::uint32_t number) {
  WARREN_CHECK(is_free(number));
  taken_[number - all_.first] = true;
  ++count_;
}

void NumberPool::release(std::uint32_t number) {
  WARREN_CHECK(all_.contains(number) && !is_free(number));
  taken_[number - all_.first] = false;
  --count_;
}

}  // namespace warren::lab
