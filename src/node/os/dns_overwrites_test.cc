#include "node/os/dns_overwrites.h"

#include <gtest/gtest.h>

namespace warren::node {
namespace {

TEST(DnsOverwrites, TellsAgainAfterAMoment) {
  DnsOverwrites overwrites;
  TimePoint now{};
  EXPECT_EQ(overwrites.next_timeout(), kNever);
  overwrites.on_overwritten(now);
  EXPECT_FALSE(overwrites.is_fought());
  EXPECT_FALSE(overwrites.on_timeout(now));
  EXPECT_TRUE(overwrites.on_timeout(now += DnsOverwrites::kSettle));
  EXPECT_FALSE(overwrites.on_timeout(now));
  EXPECT_EQ(overwrites.next_timeout(), kNever);
}

TEST(DnsOverwrites, GivesWayToWhoeverInsists) {
  DnsOverwrites overwrites;
  TimePoint now{};
  overwrites.on_overwritten(now);
  EXPECT_TRUE(overwrites.on_timeout(now += DnsOverwrites::kSettle));
  overwrites.on_overwritten(now += 1s);
  EXPECT_TRUE(overwrites.is_fought());
  EXPECT_FALSE(overwrites.on_timeout(now + DnsOverwrites::kTruce - 1s));
  EXPECT_TRUE(overwrites.on_timeout(now += DnsOverwrites::kTruce));
  overwrites.on_holding(now += 1s);
  EXPECT_TRUE(overwrites.is_fought()) << "a second is no proof";
  overwrites.on_holding(now += DnsOverwrites::kFight);
  EXPECT_FALSE(overwrites.is_fought());
}

TEST(DnsOverwrites, IsNoFightWhenItHappensNowAndThen) {
  DnsOverwrites overwrites;
  TimePoint now{};
  for (int i = 0; i < 10; ++i) {
    overwrites.on_overwritten(now);
    EXPECT_FALSE(overwrites.is_fought());
    EXPECT_TRUE(overwrites.on_timeout(now += DnsOverwrites::kSettle));
    now += 60s;
  }
}

}  // namespace
}  // namespace warren::node
