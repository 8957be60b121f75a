#include "path/candidates.h"

#include <vector>

#include <gtest/gtest.h>

#include "path/constants.h"

namespace warren::path {
namespace {

constexpr TimePoint kStart{1000s};

Endpoint endpoint(std::string_view text) {
  return Endpoint::parse(text).value();
}

std::vector<Endpoint> numbered(std::size_t count) {
  std::vector<Endpoint> out;
  out.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back({.address = IpAddress::v4({198, 51, 100, 1}),
                   .port = static_cast<std::uint16_t>(1000 + i)});
  }
  return out;
}

Candidate with(std::string_view at, Duration latency) {
  Candidate out;
  out.endpoint = endpoint(at);
  out.latency = latency;
  return out;
}

TEST(Candidates, RefuseWhatNobodyCanBeReachedAt) {
  for (const char* const text : {"127.0.0.1:1", "[::1]:1", "0.0.0.0:1", "224.0.0.1:1",
                                 "192.0.2.1:0", "[fe80::1]:1", "[fd7a:115c:a1e0::5]:1"}) {
    EXPECT_FALSE(is_plausible(endpoint(text))) << text;
  }
  for (const char* const text : {"192.0.2.1:1", "100.64.0.9:1", "[fe80::1%3]:1", "[fd00::1]:1"})
    EXPECT_TRUE(is_plausible(endpoint(text))) << text;
}

TEST(Candidates, PreferLowerLatencyByAMargin) {
  EXPECT_TRUE(is_better(with("192.0.2.1:1", 10ms), with("192.0.2.2:1", 20ms)));
  EXPECT_FALSE(is_better(with("192.0.2.1:1", 19ms), with("192.0.2.2:1", 20ms)));
  EXPECT_FALSE(is_better(with("192.0.2.1:1", 100us), with("192.0.2.2:1", 900us)));
}

TEST(Candidates, PreferTheirOwnNetworkAtEqualLatency) {
  EXPECT_TRUE(is_better(with("192.168.1.7:1", 1ms), with("192.0.2.2:1", 1ms)));
  EXPECT_FALSE(is_better(with("192.0.2.2:1", 1ms), with("192.168.1.7:1", 1ms)));
}

TEST(Candidates, ForgetWhatNobodyNamesAnyMore) {
  Candidates candidates;
  candidates.set_configured(std::vector{endpoint("192.0.2.1:1"), endpoint("192.0.2.2:1")});
  candidates.set_called(std::vector{endpoint("192.0.2.2:1"), endpoint("192.0.2.3:1")});
  candidates.see({.remote = endpoint("192.0.2.4:1"), .source = std::nullopt}, kStart);
  EXPECT_EQ(candidates.all().size(), 4);

  candidates.set_configured({});
  candidates.set_called(std::vector{endpoint("192.0.2.3:1")});
  candidates.prune(std::nullopt, kStart + kSeenFor);
  EXPECT_EQ(candidates.all().size(), 2);
  candidates.prune(std::nullopt, kStart + kSeenFor + 1ns);
  ASSERT_EQ(candidates.all().size(), 1);
  EXPECT_EQ(candidates.all()[0].endpoint, endpoint("192.0.2.3:1"));
}

TEST(Candidates, KeepThePathInUse) {
  Candidates candidates;
  candidates.see({.remote = endpoint("192.0.2.4:1"), .source = std::nullopt}, kStart);
  candidates.prune(endpoint("192.0.2.4:1"), kStart + 1h);
  EXPECT_EQ(candidates.all().size(), 1);
}

TEST(Candidates, StayBoundedWhateverIsNamed) {
  Candidates candidates;
  candidates.set_configured(numbered(5000));
  EXPECT_EQ(candidates.all().size(), kMaxConfigured);
  candidates.set_called(numbered(5000));
  EXPECT_EQ(candidates.all().size(), kMaxCalled);
  for (const Endpoint& from : numbered(5000))
    candidates.see({.remote = from, .source = std::nullopt}, kStart);
  EXPECT_EQ(candidates.all().size(), kMaxCandidates);
  EXPECT_EQ(candidates.take_evicted(), 5000 - kMaxCandidates);
}

TEST(Candidates, GiveWayToNewOnesOnlyWhenNobodyNamesThem) {
  Candidates candidates;
  candidates.set_called(numbered(kMaxCalled));
  for (std::size_t i = 0; i < kMaxCandidates; ++i) {
    candidates.see({.remote = {.address = IpAddress::v4({203, 0, 113, 9}),
                               .port = static_cast<std::uint16_t>(i + 1)},
                    .source = std::nullopt},
                   kStart + Duration(i));
  }
  for (const Endpoint& named : numbered(kMaxCalled)) EXPECT_NE(candidates.find(named), nullptr);
  EXPECT_EQ(candidates.find({.address = IpAddress::v4({203, 0, 113, 9}), .port = 1}), nullptr);
}

}  // namespace
}  // namespace warren::path
