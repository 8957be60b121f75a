#include "tunnel/drop_reason.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace warren::tunnel {
namespace {

TEST(DropReason, HasANameForEachReason) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kDropReasonCount; ++i) {
    names.insert(to_string(static_cast<DropReason>(i)));
  }
  for (std::size_t i = 0; i < kCounterCount; ++i) names.insert(to_string(static_cast<Counter>(i)));
  EXPECT_EQ(names.size(), kDropReasonCount + kCounterCount);
  EXPECT_FALSE(names.contains(""));
  EXPECT_EQ(to_string(DropReason::TunBadHeader), "tun_bad_header");
  EXPECT_EQ(to_string(DropReason::RxRunt), "rx_runt");
  EXPECT_EQ(to_string(DropReason::InjectFull), "inject_full");
  EXPECT_EQ(to_string(DropReason::PathTooLarge), "path_too_large");
  EXPECT_EQ(to_string(Counter::OpenRuns), "open_runs");
  EXPECT_EQ(to_string(Counter::RelayBytesReceived), "relay_bytes_received");
}

TEST(DropReason, SaysWhatTheFilterSaid) {
  for (std::size_t i = 1; i < policy::kVerdictCount; ++i) {
    const auto verdict = static_cast<policy::Verdict>(i);
    EXPECT_EQ(to_string(drop_reason(verdict)), "filter_" + std::string(to_string(verdict)));
  }
}

TEST(Counters, SumOverWorkers) {
  Counters a;
  Counters b;
  a.drop(DropReason::RxAuth);
  a.drop(DropReason::RxAuth, 4);
  b.drop(DropReason::RxAuth);
  b.count(Counter::UdpDatagramsSent, 45);
  CounterSnapshot sum;
  a.add_to(sum);
  b.add_to(sum);
  EXPECT_EQ(sum[DropReason::RxAuth], 6U);
  EXPECT_EQ(sum[Counter::UdpDatagramsSent], 45U);
  EXPECT_EQ(sum[DropReason::NoPeer], 0U);
}

TEST(Counters, ShareNoCacheLineWithAnotherWorker) {
  EXPECT_EQ(alignof(Counters), 64U);
  EXPECT_EQ(sizeof(Counters) % 64, 0U);
}

}  // namespace
}  // namespace warren::tunnel
