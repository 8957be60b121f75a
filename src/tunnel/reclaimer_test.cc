#include "tunnel/reclaimer.h"

#include <gtest/gtest.h>

namespace warren::tunnel {
namespace {

class Tracked final : public wg::Retired {
 public:
  explicit Tracked(bool& alive) : alive_(alive) { alive_ = true; }

  ~Tracked() override { alive_ = false; }

 private:
  bool& alive_;
};

void retire(Reclaimer& reclaimer, bool& alive) {
  std::vector<std::unique_ptr<wg::Retired>> objects;
  objects.push_back(std::make_unique<Tracked>(alive));
  reclaimer.retire(std::move(objects));
}

TEST(Reclaimer, FreesAtOnceWhileTheWorkerWaits) {
  Reclaimer reclaimer;
  bool alive = false;
  retire(reclaimer, alive);
  reclaimer.collect();
  EXPECT_FALSE(alive);
  EXPECT_TRUE(reclaimer.empty());
}

TEST(Reclaimer, KeepsWhatAWorkerInItsRoundMayHold) {
  Reclaimer reclaimer;
  reclaimer.quiescent();
  bool first = false;
  retire(reclaimer, first);
  reclaimer.collect();
  EXPECT_TRUE(first);

  reclaimer.quiescent();
  bool second = false;
  retire(reclaimer, second);
  reclaimer.collect();
  EXPECT_FALSE(first);
  EXPECT_TRUE(second);

  reclaimer.offline();
  reclaimer.collect();
  EXPECT_FALSE(second);
}

TEST(Reclaimer, FreesEverythingWithItself) {
  bool alive = false;
  {
    Reclaimer reclaimer;
    reclaimer.quiescent();
    retire(reclaimer, alive);
    EXPECT_TRUE(alive);
  }
  EXPECT_FALSE(alive);
}

}  // namespace
}  // namespace warren::tunnel
