#include "acme/core/schedule.h"

#include <algorithm>
#include <array>

namespace warren::acme {

namespace {

constexpr std::chrono::seconds kTenDays{10 * 86400};
constexpr unsigned kPercent = 100;

// Between 0 and `percent` of the span.
std::chrono::seconds part_of(std::chrono::seconds span, unsigned percent, Random& random) {
  const auto most = static_cast<std::uint64_t>(span.count()) * percent / kPercent;
  return std::chrono::seconds(static_cast<std::int64_t>(random.below(most + 1)));
}

}  // namespace

std::chrono::seconds Lifetime::length() const {
  return std::chrono::seconds(std::max<std::int64_t>(0, not_after.seconds - not_before.seconds));
}

WallTime Lifetime::at(double part) const {
  const auto passed = static_cast<std::int64_t>(static_cast<double>(length().count()) * part);
  return not_before.after(std::chrono::seconds(passed));
}

WallTime renewal_time(const Lifetime& lifetime, Random& random) {
  const WallTime latest = lifetime.at(lifetime.length() < kTenDays ? 1.0 / 2 : 2.0 / 3);
  return latest.after(-part_of(lifetime.length(), 5, random));
}

WallTime renewal_time(const Lifetime& lifetime,
                      const RenewalWindow& window,
                      WallTime now,
                      Random& random) {
  const std::chrono::seconds span(
      std::max<std::int64_t>(0, std::min<std::int64_t>(window.end.seconds - window.start.seconds,
                                                       std::int64_t{366} * 86400)));
  const WallTime chosen = window.start.after(part_of(span, kPercent, random));
  // A lifetime's quarter, but a day is enough of it, and an hour when there is a hurry.
  const std::chrono::seconds most = window.end < now ? 1h : 24h;
  const WallTime earliest = lifetime.not_before.after(std::min(lifetime.length() / 4, most));
  return std::clamp(chosen, earliest, std::max(earliest, lifetime.at(0.9)));
}

Duration delay_after_troubles(unsigned troubles, Random& random) {
  constexpr unsigned kDoublings = 9;  // 1 min * 2^9 is more than 6 h
  const unsigned doublings = std::min(troubles == 0 ? 0 : troubles - 1, kDoublings);
  const auto span = std::min<std::chrono::seconds>(60s * (1U << doublings), 6h);
  return span + part_of(span, 10, random);
}

Duration delay_after_failures(unsigned failures) {
  constexpr std::array<Duration, 4> kDelays = {10min, 1h, 6h, 24h};
  const std::size_t index = failures == 0 ? 0 : failures - 1;
  return kDelays.at(std::min(index, kDelays.size() - 1));
}

}  // namespace warren::acme
