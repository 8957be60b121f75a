#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "policy/drop_log.h"

namespace warren::policy {
namespace {

// Each record says its port three times over; a torn one would not.
TEST(DropLogThreads, ReadsRecordsWholeWhileTheyAreReplaced) {
  DropLog log;
  std::atomic<bool> ended = false;
  std::jthread writer([&] {
    for (std::uint32_t i = 0; i < 200'000; ++i) {
      ip::PacketInfo packet;
      packet.destination_port = static_cast<std::uint16_t>(i);
      log.note(i % 65536, packet, Verdict::NoRule, TimePoint(Duration(i)));
    }
    ended = true;
  });
  while (!ended) {
    for (const DropRecord& record : log.read()) {
      ASSERT_EQ(record.peer, record.port);
      ASSERT_EQ(record.first.time_since_epoch().count() % 65536, record.port);
      ASSERT_EQ(record.first, record.last);
      ASSERT_EQ(record.count, 1U);
    }
  }
}

}  // namespace
}  // namespace warren::policy
