#include "policy/flow_table.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "proto/ip/headers.h"

namespace warren::policy {
namespace {

constexpr TimePoint kStart{1h};

FlowKey key(std::uint64_t local, std::uint64_t remote, std::uint8_t protocol = ip::protocol::kUdp) {
  return {.local = {.high = 0, .low = local},
          .remote = {.high = 0, .low = remote},
          .local_port = 1,
          .remote_port = 2,
          .version = 4,
          .protocol = protocol};
}

TEST(FlowTable, FindsWhatWasBegun) {
  FlowTable table(1);
  EXPECT_EQ(table.find(key(1, 2), kStart), nullptr);
  Flow& begun = table.begin(key(1, 2), Starter::Us, kStart);
  EXPECT_EQ(table.find(key(1, 2), kStart), &begun);
  EXPECT_EQ(table.find(key(2, 1), kStart), nullptr);
  EXPECT_EQ(begun.starter, Starter::Us);
  EXPECT_EQ(&table.begin(key(1, 2), Starter::Them, kStart), &begun);
  EXPECT_EQ(begun.starter, Starter::Them);
}

TEST(FlowTable, ForgetsByProtocolAndWhatWasSeen) {  // policy section 7.2

  struct Case {
    std::uint8_t protocol;
    bool both_ways;
    bool is_closing;
    Duration timeout;
  };

  for (const auto& [protocol, both_ways, is_closing, timeout] :
       {Case{ip::protocol::kTcp, false, false, 30s}, Case{ip::protocol::kTcp, true, false, 24h},
        Case{ip::protocol::kTcp, true, true, 30s}, Case{ip::protocol::kUdp, false, false, 30s},
        Case{ip::protocol::kUdp, true, false, 120s}, Case{ip::protocol::kSctp, true, false, 120s},
        Case{ip::protocol::kIcmp, true, false, 30s}, Case{ip::protocol::kEsp, true, false, 30s}}) {
    FlowTable table(1);
    Flow& flow = table.begin(key(1, 2, protocol), Starter::Us, kStart);
    flow.has_sent = true;
    flow.has_received = both_ways;
    flow.is_closing = is_closing;
    EXPECT_EQ(idle_timeout(flow), timeout);
    EXPECT_NE(table.find(flow.key, kStart + timeout - 1ns), nullptr);
    EXPECT_EQ(table.find(flow.key, kStart + timeout), nullptr);
  }
}

TEST(FlowTable, StaysInItsSlotsUnderAFlood) {
  FlowTable table(7, 1024);
  TimePoint now = kStart;
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    now += 1us;
    Flow& begun = table.begin(key(1, i), Starter::Them, now);
    ASSERT_EQ(table.find(key(1, i), now), &begun);
  }
  EXPECT_GT(table.evictions(), 98'000U);
  EXPECT_EQ(table.last_eviction(), now);
  std::size_t known = 0;
  for (std::uint64_t i = 0; i < 100'000; ++i) known += table.find(key(1, i), now) ? 1U : 0U;
  EXPECT_LE(known, 1024U);
  EXPECT_GT(known, 900U);
}

TEST(FlowTable, GivesUpTheDeadBeforeTheLiving) {
  FlowTable table(7, FlowTable::kProbes);  // every key shares all slots
  for (std::uint64_t i = 0; i < 8; ++i) table.begin(key(1, i), Starter::Us, kStart + i * 1s);
  Flow* const kept = table.find(key(1, 0), kStart + 10s);
  kept->has_sent = kept->has_received = true;  // lives on for 120 s, though it is the oldest
  table.begin(key(2, 0), Starter::Us, kStart + 35s);
  EXPECT_EQ(table.evictions(), 0U);
  EXPECT_NE(table.find(key(1, 0), kStart + 35s), nullptr);
  EXPECT_NE(table.find(key(2, 0), kStart + 35s), nullptr);
}

TEST(FlowTable, EvictsWhatWasUsedTheLongestAgo) {
  FlowTable table(7, FlowTable::kProbes);
  for (std::uint64_t i = 0; i < 8; ++i) table.begin(key(1, i), Starter::Us, kStart + i * 1ms);
  table.find(key(1, 0), kStart + 8ms)->last_use = kStart + 8ms;
  table.begin(key(2, 0), Starter::Us, kStart + 9ms);
  EXPECT_EQ(table.evictions(), 1U);
  EXPECT_NE(table.find(key(1, 0), kStart + 9ms), nullptr);
  EXPECT_EQ(table.find(key(1, 1), kStart + 9ms), nullptr);
}

}  // namespace
}  // namespace warren::policy
