#include "base/time_text.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

namespace warren {

namespace {

constexpr std::int64_t kSecondsPerDay = 86'400;
constexpr std::int64_t kFirst = -62'167'219'200;  // 0000-01-01T00:00:00Z
constexpr std::int64_t kLast = 253'402'300'799;   // 9999-12-31T23:59:59Z
constexpr std::size_t kFractionDigits = 9;

// Reads a fixed form from left to right; stays failed.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  bool ok() const { return ok_; }

  bool is_at_end() const { return rest_.empty(); }

  char peek() const { return rest_.empty() ? '\0' : rest_.front(); }

  bool is_at_digit() const { return peek() >= '0' && peek() <= '9'; }

  char take() {
    const char c = peek();
    if (rest_.empty()) {
      ok_ = false;
    } else {
      rest_.remove_prefix(1);
    }
    return c;
  }

  void expect(char c) { ok_ = take() == c && ok_; }

  // Exactly `digits` digits, from `smallest` to `largest`.
  int number(int digits, int smallest, int largest) {
    int value = 0;
    for (int i = 0; i < digits; ++i) {
      if (!is_at_digit()) ok_ = false;
      value = 10 * value + (take() - '0');
      if (!ok_) return smallest;
    }
    if (value < smallest || value > largest) ok_ = false;
    return value;
  }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

std::uint32_t read_fraction(Cursor& in) {
  if (in.peek() != '.') return 0;
  in.take();
  std::uint32_t nanoseconds = static_cast<std::uint32_t>(in.number(1, 0, 9));
  std::size_t digits = 1;
  for (; in.is_at_digit(); ++digits) {
    const auto digit = static_cast<std::uint32_t>(in.take() - '0');
    if (digits < kFractionDigits) nanoseconds = 10 * nanoseconds + digit;
  }
  for (; digits < kFractionDigits; ++digits) nanoseconds *= 10;
  return nanoseconds;
}

std::int64_t read_offset_seconds(Cursor& in) {
  const char sign = in.take();
  if (sign == 'Z') return 0;
  const int hours = in.number(2, 0, 23);
  in.expect(':');
  const int minutes = in.number(2, 0, 59);
  const std::int64_t seconds = 60 * (60 * hours + minutes);
  if (sign == '-') return -seconds;
  if (sign != '+') in.expect('\0');
  return seconds;
}

}  // namespace

std::string to_rfc3339(const WallTime& time) {
  const std::int64_t seconds = std::clamp(time.seconds, kFirst, kLast);
  const auto day = std::chrono::floor<std::chrono::days>(std::chrono::seconds(seconds));
  const std::chrono::year_month_day date{std::chrono::sys_days(day)};
  const std::int64_t rest = seconds - day.count() * kSecondsPerDay;
  std::string out =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", int{date.year()}, unsigned{date.month()},
                  unsigned{date.day()}, rest / 3600, rest / 60 % 60, rest % 60);
  if (time.nanoseconds != 0) {
    out += fmt::format(".{:09}", time.nanoseconds);
    out.erase(out.find_last_not_of('0') + 1);
  }
  out += 'Z';
  return out;
}

std::optional<WallTime> parse_rfc3339(std::string_view text) {
  Cursor in(text);
  const std::chrono::year year(in.number(4, 0, 9999));
  in.expect('-');
  const std::chrono::month month(static_cast<unsigned>(in.number(2, 1, 12)));
  in.expect('-');
  const std::chrono::day day(static_cast<unsigned>(in.number(2, 1, 31)));
  in.expect('T');
  const int hours = in.number(2, 0, 23);
  in.expect(':');
  const int minutes = in.number(2, 0, 59);
  in.expect(':');
  const int seconds = in.number(2, 0, 59);
  WallTime out;
  out.nanoseconds = read_fraction(in);
  const std::int64_t offset = read_offset_seconds(in);
  const std::chrono::year_month_day date(year, month, day);
  if (!in.ok() || !in.is_at_end() || !date.ok()) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  out.seconds = days * kSecondsPerDay + 3600 * hours + 60 * minutes + seconds - offset;
  return out;
}

}  // namespace warren
