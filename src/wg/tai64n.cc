#include "wg/tai64n.h"

#include "base/bytes.h"

namespace warren::wg {

namespace {

constexpr std::uint64_t kEpoch = 0x400000000000000A;  // 2^62, and TAI was 10 s ahead in 1970
constexpr std::uint32_t kStep = 1U << 24;             // nanoseconds
constexpr std::uint32_t kNanosecondsPerSecond = 1'000'000'000;

Tai64n encode(std::uint64_t seconds, std::uint32_t nanoseconds) {
  Tai64n out{};
  store_be(out.data(), seconds);
  store_be(out.data() + 8, nanoseconds);
  return out;
}

Tai64n step_after(const Tai64n& stamp) {
  const auto seconds = load_be<std::uint64_t>(stamp.data());
  const std::uint32_t nanoseconds = load_be<std::uint32_t>(stamp.data() + 8) + kStep;
  return nanoseconds < kNanosecondsPerSecond ? encode(seconds, nanoseconds)
                                             : encode(seconds + 1, 0);
}

}  // namespace

Tai64n to_tai64n(const WallTime& time) {
  return encode(kEpoch + static_cast<std::uint64_t>(time.seconds), time.nanoseconds & ~(kStep - 1));
}

Tai64n next_tai64n(const WallTime& now, const Tai64n& last) {
  const Tai64n stamp = to_tai64n(now);
  return stamp > last ? stamp : step_after(last);
}

}  // namespace warren::wg
