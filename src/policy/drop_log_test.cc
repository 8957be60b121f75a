#include "policy/drop_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/ip/headers.h"

namespace warren::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr TimePoint kStart{1h};

ip::PacketInfo to_port(std::uint16_t port) {
  ip::PacketInfo out;
  out.protocol = ip::protocol::kTcp;
  out.destination_port = port;
  return out;
}

DropRecord record(
    std::uint32_t peer, std::uint16_t port, std::uint64_t count, TimePoint first, TimePoint last) {
  return {.peer = peer,
          .protocol = ip::protocol::kTcp,
          .port = port,
          .reason = Verdict::NoRule,
          .count = count,
          .first = first,
          .last = last};
}

TEST(DropLog, AddsUpWhatIsAlikeAndTellsTheLatestFirst) {
  DropLog log;
  EXPECT_THAT(log.read(), IsEmpty());
  log.note(1, to_port(22), Verdict::NoRule, kStart);
  log.note(2, to_port(22), Verdict::NoRule, kStart + 1s);
  log.note(1, to_port(22), Verdict::NoRule, kStart + 2s);
  log.note(1, to_port(23), Verdict::NoRule, kStart + 3s);
  EXPECT_THAT(log.read(), ElementsAre(record(1, 23, 1, kStart + 3s, kStart + 3s),
                                      record(1, 22, 2, kStart, kStart + 2s),
                                      record(2, 22, 1, kStart + 1s, kStart + 1s)));
  log.note(1, to_port(22), Verdict::ShieldsUp, kStart + 4s);
  EXPECT_EQ(log.read().front().reason, Verdict::ShieldsUp);
}

TEST(DropLog, KeepsTheLatestUnderAFlood) {
  DropLog log;
  TimePoint now = kStart;
  for (std::uint16_t port = 0; port < 10'000; ++port) {
    now += 1ms;
    log.note(1, to_port(port), Verdict::NoRule, now);
    log.note(7, to_port(80), Verdict::NoRule, now);
  }
  const auto records = log.read();
  EXPECT_THAT(records, SizeIs(DropLog::kRecords));
  EXPECT_THAT(records, ::testing::Contains(record(7, 80, 10'000, kStart + 1ms, now)));
  EXPECT_THAT(records, ::testing::Contains(record(1, 9'999, 1, now, now)));
}

}  // namespace
}  // namespace warren::policy
