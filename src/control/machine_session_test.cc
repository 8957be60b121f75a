#include "control/machine_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/testing.h"
#include "proto/ts2021/handshake.h"
#include "proto/ts2021/testing.h"

namespace warren::control {
namespace {

using ::testing::SizeIs;

constexpr TimePoint kStart{1000s};

// A stock client's first records, against its server's key.
struct Recorded {
  Recorded() {
    ts2021::PrescribedRandom random(recorded.server_ephemeral);
    auto accepted = ts2021::accept_handshake(
        *ts2021::decode_initiation(recorded.initiation),
        MachinePrivateKey(array_from_hex<kKeySize>(recorded.server)), random);
    WARREN_CHECK(accepted.has_value());
    session.emplace(std::move(accepted->keys), SessionLimits(), kStart);
    session->set_member(true);
  }

  ts2021::RecordedConnection recorded = ts2021::recorded_connection();
  std::optional<MachineSession> session;
};

TEST(MachineSession, HearsTheRequestsOfAStockClientHoweverTheyAreCut) {
  for (const std::size_t size : {1U, 7U, 4096U}) {
    SCOPED_TRACE(size);
    Recorded client;
    SessionNews news;
    std::vector<std::uint8_t> out;
    ASSERT_TRUE(client.session->take_output(out, 1 << 16, kStart, news));
    for (const auto& record : client.recorded.from_client) {
      for (ByteView rest = record; !rest.empty();) {
        const ByteView part = rest.first(std::min(size, rest.size()));
        rest = rest.subspan(part.size());
        ASSERT_TRUE(client.session->receive(part, kStart, news));
      }
      // It gets its answers, or its window updates would make no sense.
      for (const auto& asked : news.asked) {
        if (asked.path == "/machine/map") client.session->open(asked.stream);
      }
      ASSERT_TRUE(client.session->take_output(out, 1 << 16, kStart, news));
    }
    ASSERT_GE(news.asked.size(), 3);
    EXPECT_EQ(news.asked[0].path, "/machine/register");
    EXPECT_EQ(news.asked[1].path, "/machine/map");
    for (const auto& asked : news.asked) {
      EXPECT_EQ(asked.method, "POST");
      EXPECT_TRUE(asked.body.starts_with(R"({"Version":142)"));
    }
  }
}

TEST(MachineSession, EndsOnARecordThatWasChanged) {
  Recorded client;
  client.recorded.from_client[0].back() ^= 1;
  SessionNews news;
  EXPECT_FALSE(client.session->receive(client.recorded.from_client[0], kStart, news));
  EXPECT_THAT(news.asked, SizeIs(0));
}

TEST(MachineSession, GivesUpOnWhoSaysNothing) {
  Recorded client;
  EXPECT_TRUE(client.session->on_tick(kStart + 14s));
  EXPECT_FALSE(client.session->on_tick(kStart + 15s));
}

}  // namespace
}  // namespace warren::control
