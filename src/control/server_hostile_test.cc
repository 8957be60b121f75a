#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/core/testing.h"
#include "control/test_server.h"

// What strangers may do to a coordination server (demand S3), and members to others.
namespace warren::control {
namespace {

using testing::Bench;
using testing::TestMachine;
using testing::TestServer;

ServerOptions impatient() {
  ServerOptions options = TestServer::defaults();
  options.limits.tick = 10ms;
  options.limits.session.first_bytes = 200ms;
  options.limits.session.body = 200ms;
  options.limits.session.stranger_idle = 200ms;
  return options;
}

class ControlServerUnderAttack : public ::testing::Test {
 protected:
  // Everybody else is served as before.
  ~ControlServerUnderAttack() override {
    TestMachine& machine = life.connected();
    const auto answer =
        life.ask(machine, "/machine/register", encode(Bench::wish(machine.machine(1), {})));
    EXPECT_EQ(answer.status, 200);
  }

  void expect_closed(TestMachine& machine) {
    EXPECT_TRUE(life.until([&] { return machine.is_closed(); }));
  }

  db::TemporaryDirectory directory;
  TestServer life{directory.path()};
};

TEST_F(ControlServerUnderAttack, ClosesOnWhatIsNoRecord) {
  TestMachine& machine = life.connected();
  machine.send_raw(as_bytes(std::string(5000, 'x')));
  expect_closed(machine);
  EXPECT_EQ(life.server->machines().counters().broken, 1);
}

TEST_F(ControlServerUnderAttack, ClosesOnWhatIsNotHttp2) {
  TestMachine& machine = life.connected();
  machine.send_text(as_bytes("GET / HTTP/1.1\r\n\r\n"));
  expect_closed(machine);
}

TEST_F(ControlServerUnderAttack, RefusesLongBodiesOfStrangers) {
  TestMachine& machine = life.connected();
  EXPECT_EQ(life.ask(machine, "/machine/register", std::string(70'000, 'x')).status, 413);
  EXPECT_EQ(life.ask(machine, "/machine/register", std::string(60'000, 'x')).status, 400);
  EXPECT_EQ(life.ask(machine, "/machine/map", std::string(1 << 21, 'x')).status, 413);
}

TEST_F(ControlServerUnderAttack, RefusesAHundredThousandFields) {
  TestMachine& machine = life.connected();
  http2::Fields fields;
  for (int i = 0; i < 100'000; ++i) {
    fields.push_back({.name = "x-" + std::to_string(i), .value = "y"});
  }
  const auto stream = machine.post("/machine/register", "{}", std::move(fields));
  ASSERT_TRUE(life.until([&] { return machine.is_closed() || machine.answer(stream).is_over; }));
  EXPECT_NE(machine.answer(stream).status, 200);
}

TEST_F(ControlServerUnderAttack, ClosesOnAFloodOfStreams) {
  TestMachine& machine = life.connected();
  // Held requests: as good as a stream that never ends.
  RegisterRequest wish = Bench::wish(machine.machine(1), {});
  const auto asked =
      decode<RegisterResponse>(life.ask(machine, "/machine/register", encode(wish)).body).value();
  wish.followup = asked.auth_url;
  std::vector<http2::StreamId> streams;
  for (int i = 0; i < 10; ++i) streams.push_back(machine.post("/machine/register", encode(wish)));
  const auto refused = [&] {
    return std::ranges::count_if(streams, [&](http2::StreamId stream) {
      return machine.answer(stream).reset == http2::Code::RefusedStream;
    });
  };
  EXPECT_TRUE(life.until([&] { return refused() == 6; }));
  EXPECT_FALSE(machine.is_closed());
  ASSERT_TRUE(life.until([&] {
    if (!machine.is_closed()) machine.post("/machine/register", encode(wish));
    return machine.is_closed();
  }));
}

TEST_F(ControlServerUnderAttack, ForgetsAConnectionThatEndsInARequest) {
  TestMachine& machine = life.connected();
  machine.post("/machine/register", std::string(40'000, 'x'));
  machine.close();
  EXPECT_TRUE(life.until([&] { return life.server->machines().connections() == 0; }));
}

TEST_F(ControlServerUnderAttack, BoundsStrangersOfASource) {
  db::TemporaryDirectory other;
  ServerOptions options = TestServer::defaults();
  options.limits.strangers_per_source = 2;
  TestServer small(other.path(), options);
  small.connected();
  small.connected();
  TestMachine& third = small.connect();
  EXPECT_TRUE(small.until([&] { return third.is_closed(); }));
  EXPECT_FALSE(third.is_open());
  EXPECT_EQ(small.server->machines().counters().refused_connections, 1);
}

TEST_F(ControlServerUnderAttack, GivesTheOldestStrangersPlaceAway) {
  db::TemporaryDirectory other;
  ServerOptions options = TestServer::defaults();
  options.limits.strangers = 2;
  TestServer small(other.path(), options);
  const std::string secret = small.auth_key();
  TestMachine& member = small.connected();
  small.ask(member, "/machine/register", encode(Bench::wish(member.machine(1), secret)));
  MapRequest lite = Bench::map_wish(member.machine(1));
  lite.omit_peers = true;
  EXPECT_EQ(small.ask(member, "/machine/map", encode(lite)).status, 200);
  TestMachine& second = small.connected();
  small.connected();
  small.connected();
  EXPECT_TRUE(small.until([&] { return second.is_closed(); }));
  EXPECT_FALSE(member.is_closed());
}

TEST_F(ControlServerUnderAttack, WaitsForNobodyForEver) {
  db::TemporaryDirectory other;
  TestServer small(other.path(), impatient());
  TestMachine& idle = small.connected();        // nothing after its first answer
  TestMachine& unfinished = small.connected();  // a body that does not end
  small.ask(idle, "/machine/register", "{");
  const auto stream = unfinished.post_in_part("/machine/register", std::string(60'000, 'x'));
  EXPECT_TRUE(small.until([&] { return idle.is_closed() && unfinished.is_closed(); }));
  EXPECT_EQ(unfinished.answer(stream).status, 408);
  EXPECT_EQ(small.server->machines().counters().timeouts, 2);
}

}  // namespace
}  // namespace warren::control
