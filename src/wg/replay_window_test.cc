#include "wg/replay_window.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "base/random.h"
#include "wg/constants.h"

namespace warren::wg {
namespace {

// The rule of spec: paths section 1.5 in its plainest form.
class Model {
 public:
  bool accept(std::uint64_t counter) {
    if (counter >= kRejectAfterMessages) return false;
    if (!seen_.empty()) {
      const std::uint64_t highest = *seen_.rbegin();
      if (counter < highest && highest - counter > kReplayWindow) return false;
    }
    const bool is_new = seen_.insert(counter).second;
    // What is too old is refused by the rule above.
    while (*seen_.rbegin() - *seen_.begin() > kReplayWindow) seen_.erase(seen_.begin());
    return is_new;
  }

 private:
  std::set<std::uint64_t> seen_;
};

void compare_with_model(Random& random, std::uint64_t start, std::uint64_t spread, int count) {
  ReplayWindow window;
  Model model;
  std::uint64_t base = start;
  for (int i = 0; i < count; ++i) {
    base += random.below(4);
    if (random.below(2000) == 0) base += random.below(3 * kReplayWindow);
    const std::uint64_t offset = random.below(spread);
    const std::uint64_t counter =
        random.below(2) == 0 ? base + offset : base - std::min(base, offset);
    ASSERT_EQ(window.accept(counter), model.accept(counter)) << "counter " << counter;
  }
}

TEST(ReplayWindow, AgreesWithTheModelOnRandomCounters) {
  SeededRandom random(1);
  for (const std::uint64_t spread : {2U, 64U, 1000U, 8000U, 9000U, 40000U}) {
    SCOPED_TRACE(spread);
    compare_with_model(random, 0, spread, 20000);
    compare_with_model(random, std::uint64_t{1} << 40, spread, 20000);
    compare_with_model(random, kRejectAfterMessages - 20000, spread, 20000);
  }
}

TEST(ReplayWindow, AcceptsTheWholeWindowBehindTheHighestAndNothingOlder) {
  ReplayWindow window;
  EXPECT_TRUE(window.accept(100'000));
  EXPECT_TRUE(window.accept(100'000 - kReplayWindow));
  EXPECT_FALSE(window.accept(100'000 - kReplayWindow));
  EXPECT_FALSE(window.accept(100'000 - kReplayWindow - 1));
}

TEST(ReplayWindow, AcceptsEveryCounterOnceInReverseOrder) {
  ReplayWindow window;
  for (std::uint64_t i = 0; i <= kReplayWindow; ++i)
    ASSERT_TRUE(window.accept(kReplayWindow - i)) << i;
  for (std::uint64_t i = 0; i <= kReplayWindow; ++i) ASSERT_FALSE(window.accept(i)) << i;
}

TEST(ReplayWindow, RefusesCountersBeyondTheLimit) {
  ReplayWindow window;
  EXPECT_FALSE(window.accept(kRejectAfterMessages));
  EXPECT_FALSE(window.accept(UINT64_MAX));
  EXPECT_TRUE(window.accept(kRejectAfterMessages - 1));
  EXPECT_FALSE(window.accept(kRejectAfterMessages - 1));
}

TEST(ReplayWindow, ForgetsNothingWhenACounterJumpsFarAhead) {
  ReplayWindow window;
  EXPECT_TRUE(window.accept(5));
  EXPECT_TRUE(window.accept(5 + 128 * 64));  // the same block of the ring
  EXPECT_FALSE(window.accept(5));
  EXPECT_TRUE(window.accept(6 + 64));
}

}  // namespace
}  // namespace warren::wg
