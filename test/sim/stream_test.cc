#include "sim/stream.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "sim/internet.h"
#include "sim/machine.h"

namespace warren::sim {

namespace {

constexpr std::uint16_t kHttps = 443;

// One end and what it heard.
struct End {
  StreamEvents events() {
    return {.on_open = [this] { is_open = true; },
            .on_message = [this](ByteView message) { heard.emplace_back(as_text(message)); },
            .on_closed = [this](StreamEnd reason) { end = reason; }};
  }

  bool say(const std::string& text) { return stream->send(as_bytes(text)); }

  std::shared_ptr<Stream> stream;
  bool is_open = false;
  std::vector<std::string> heard;
  std::optional<StreamEnd> end;
};

class StreamTest : public testing::Test {
 protected:
  StreamTest() {
    server_machine.attach(internet.root());
    client_machine.attach(home);
    listen();
  }

  void listen() {
    server_machine.listen(kHttps, [this](const std::shared_ptr<Stream>& stream) {
      server.stream = stream;
      return server.events();
    });
  }

  Endpoint address() const {
    return {.address = *server_machine.interfaces().front().addresses.v4, .port = kHttps};
  }

  void connect(const StreamOptions& options = {}) {
    client.stream = client_machine.connect(address(), client.events(), options);
  }

  void connect_and_talk() {
    connect();
    time.run_for(1s);
    client.say("hello");
    time.run_for(1s);
    server.say("welcome");
    time.run_for(1s);
    EXPECT_EQ(server.heard, std::vector<std::string>{"hello"});
    EXPECT_EQ(client.heard, std::vector<std::string>{"welcome"});
  }

  static RouterConfig home_config() {
    return {.name = "home",
            .v4 = IpPrefix::parse("192.168.1.0/24"),
            .nat = lab::NatConfig{.external = {}, .ports = lab::PortChoice::Random},
            .up = {.delay = 10ms},
            .down = {.delay = 10ms}};
  }

  VirtualTime time;
  Internet internet{time, 1};
  Router& home = internet.add_router(internet.root(), home_config());
  Machine server_machine{internet, "server"};
  Machine client_machine{internet, "client"};
  End client;
  End server;
};

}  // namespace

TEST_F(StreamTest, OpensAfterOneRoundTripAndCarriesMessages) {
  connect();
  EXPECT_TRUE(client.say("early"));
  time.run_for(19ms);
  EXPECT_FALSE(client.is_open);
  time.run_for(1ms);
  EXPECT_TRUE(client.is_open);
  EXPECT_FALSE(server.is_open);
  time.run_for(10ms);
  EXPECT_TRUE(server.is_open);
  EXPECT_EQ(server.heard, std::vector<std::string>{"early"});
  EXPECT_TRUE(server.say("back"));
  time.run_for(10ms);
  EXPECT_EQ(client.heard, std::vector<std::string>{"back"});
}

TEST_F(StreamTest, KeepsOrderAndLosesNothingOnABadLink) {
  home.set_uplink({.delay = 10ms, .jitter = 20ms, .keeps_order = false, .loss_percent = 10},
                  {.delay = 10ms, .loss_percent = 10, .duplicate_percent = 10});
  connect();
  std::vector<std::string> said;
  for (int i = 0; i < 500; ++i) {
    said.push_back(std::to_string(i));
    EXPECT_TRUE(client.say(said.back()));
    if (server.stream) EXPECT_TRUE(server.say(said.back()));
    time.run_for(5ms);
  }
  time.run_for(60s);
  EXPECT_EQ(server.heard, said);
  EXPECT_GT(client.heard.size(), 100);
  EXPECT_EQ(client.end, std::nullopt);
}

TEST_F(StreamTest, RepeatsAWholeWindowSoonAfterTheLinkIsBack) {
  connect_and_talk();
  home.set_uplink_up(false);
  for (std::size_t i = 0; i < Stream::kWindow; ++i) EXPECT_TRUE(client.say("x"));
  time.run_for(1s);
  home.set_uplink_up(true);
  time.run_for(2s);
  EXPECT_EQ(server.heard.size(), 1 + Stream::kWindow);
}

TEST_F(StreamTest, RefusesMoreThanItHasRoomFor) {
  connect_and_talk();
  home.set_uplink_up(false);
  std::size_t taken = 0;
  while (client.say("x")) ++taken;
  EXPECT_EQ(taken, Stream::kWindow + Stream::kMaxWaiting);
}

TEST_F(StreamTest, TellsTheOtherSideThatItCloses) {
  connect_and_talk();
  client.say("last");
  client.stream->close();
  EXPECT_FALSE(client.say("no more"));
  time.run_for(1s);
  EXPECT_EQ(server.heard.back(), "last");
  EXPECT_EQ(server.end, StreamEnd::Finished);
  EXPECT_EQ(client.end, std::nullopt);
  EXPECT_EQ(client_machine.streams(), 0);
  EXPECT_EQ(server_machine.streams(), 0);
}

TEST_F(StreamTest, IsForgottenWhenTheOtherSideNeverAnswersTheEnd) {
  connect_and_talk();
  server_machine.set_link(1, false);
  client.stream->close();
  time.run_for(200s);
  EXPECT_EQ(client_machine.streams(), 0);
  EXPECT_EQ(client.end, std::nullopt);
}

TEST_F(StreamTest, IsRefusedWhereNobodyListens) {
  server_machine.stop_listening(kHttps);
  connect();
  time.run_for(20ms);
  EXPECT_EQ(client.end, StreamEnd::Refused);
}

TEST_F(StreamTest, TimesOutWhenNothingAnswers) {
  home.set_uplink_up(false);
  connect({.connect_timeout = 5s});
  time.run_for(4999ms);
  EXPECT_EQ(client.end, std::nullopt);
  time.run_for(1ms);
  EXPECT_EQ(client.end, StreamEnd::TimedOut);
}

TEST_F(StreamTest, TimesOutWithoutARoute) {
  client_machine.set_link(1, false);
  connect({.connect_timeout = 5s});
  time.run_for(5s);
  EXPECT_EQ(client.end, StreamEnd::TimedOut);
}

TEST_F(StreamTest, IsResetByAServerThatWasKilled) {
  connect_and_talk();
  server_machine.reset_streams();
  time.run_for(10ms);
  EXPECT_EQ(client.end, StreamEnd::Reset);
  EXPECT_EQ(server.end, std::nullopt);
}

TEST_F(StreamTest, IsResetOneRoundTripAfterTheNatRebooted) {
  connect_and_talk();
  home.reboot();
  EXPECT_FALSE(client.end);
  client.say("still there?");
  time.run_for(20ms);
  EXPECT_EQ(client.end, StreamEnd::Reset);
  // The server's end finds out by silence.
  server.say("are you?");
  time.run_for(99s);
  EXPECT_EQ(server.end, std::nullopt);
  time.run_for(1s);
  EXPECT_EQ(server.end, StreamEnd::TimedOut);
}

TEST_F(StreamTest, SurvivesTheRebootOfANatThatPreservesPorts) {
  RouterConfig config = home_config();
  config.nat->ports = lab::PortChoice::Preserve;
  Router& router = internet.add_router(internet.root(), config);
  client_machine.move(1, router, router.lease());
  connect_and_talk();
  router.reboot();
  client.say("still there");
  time.run_for(1s);
  EXPECT_EQ(server.heard.back(), "still there");
  EXPECT_EQ(client.end, std::nullopt);
}

TEST_F(StreamTest, IsResetOneRoundTripAfterThePublicAddressChanged) {
  connect_and_talk();
  home.change_external({*internet.root().lease().v4});
  client.say("still there?");
  time.run_for(20ms);
  EXPECT_EQ(client.end, StreamEnd::Reset);
}

TEST_F(StreamTest, FallsSilentWhenItsAddressIsGone) {
  connect_and_talk();
  client_machine.set_addresses(1, home.lease());
  client.say("still there?");
  server.say("are you?");
  time.run_for(99s);
  EXPECT_EQ(client.end, std::nullopt);
  EXPECT_EQ(server.end, std::nullopt);
  time.run_for(2s);
  EXPECT_EQ(client.end, StreamEnd::TimedOut);
  EXPECT_EQ(server.end, StreamEnd::TimedOut);
}

TEST_F(StreamTest, SurvivesAShortOutageAndNotALongOne) {
  connect_and_talk();
  home.set_uplink_up(false);
  client.say("one");
  time.run_for(50s);
  EXPECT_EQ(client.end, std::nullopt);
  home.set_uplink_up(true);
  time.run_for(60s);
  EXPECT_EQ(server.heard.back(), "one");

  home.set_uplink_up(false);
  client.say("two");
  time.run_for(100s);
  EXPECT_EQ(client.end, StreamEnd::TimedOut);
}

TEST_F(StreamTest, PassesAFirewallOnlyToPort443) {
  home.block(lab::Block::AllButTcpPort443);
  connect_and_talk();
  server_machine.listen(80, [](const auto&) { return StreamEvents{}; });
  End other;
  other.stream = client_machine.connect({.address = address().address, .port = 80}, other.events());
  time.run_for(10s);
  EXPECT_EQ(other.end, StreamEnd::TimedOut);
}

TEST_F(StreamTest, EndsInSilenceWithItsMachine) {
  {
    Machine short_lived(internet, "short-lived");
    short_lived.attach(home);
    client.stream = short_lived.connect(address(), client.events());
    time.run_for(1s);
    EXPECT_TRUE(server.is_open);
  }
  EXPECT_EQ(client.stream->state(), Stream::State::Ended);
  EXPECT_FALSE(client.say("hello"));
  server.say("hello?");
  time.run_for(100s);
  EXPECT_EQ(server.end, StreamEnd::TimedOut);
  EXPECT_EQ(client.end, std::nullopt);
}

TEST_F(StreamTest, MayBeClosedByWhatItTells) {
  connect();
  bool again = false;
  server_machine.listen(kHttps, [&](const std::shared_ptr<Stream>& stream) {
    stream->send(as_bytes("a"));
    stream->send(as_bytes("b"));
    return StreamEvents{};
  });
  StreamEvents events;
  std::shared_ptr<Stream> stream;
  events.on_message = [&](ByteView /*message*/) {
    EXPECT_FALSE(again);
    again = true;
    stream->abort();
  };
  stream = client_machine.connect(address(), std::move(events));
  time.run_for(10s);
  EXPECT_TRUE(again);
  EXPECT_EQ(stream->state(), Stream::State::Ended);
}

TEST_F(StreamTest, DeliversAllOrTellsWhateverHappens) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    const auto any = [&](std::uint64_t below) { return static_cast<int>(random.below(below)); };
    client = {};
    server = {};
    connect();
    std::vector<std::string> said;
    for (int i = 0; i < 300; ++i) {
      if (client.say(std::to_string(i))) said.push_back(std::to_string(i));
      switch (random.below(40)) {
        case 0:
          home.set_uplink({.delay = any(100) * 1ms,
                           .jitter = any(50) * 1ms,
                           .keeps_order = false,
                           .loss_percent = 1.0 * any(40)},
                          {.loss_percent = 1.0 * any(40), .duplicate_percent = 10});
          break;
        case 1:
          home.set_uplink_up(random.below(2) == 0);
          break;
        case 2:
          if (random.below(20) == 0) home.reboot();
          break;
        default:
          break;
      }
      time.run_for(any(100) * 1ms);
    }
    home.set_uplink({}, {});
    home.set_uplink_up(true);
    time.run_for(300s);
    ASSERT_LE(server.heard.size(), said.size());
    EXPECT_TRUE(std::equal(server.heard.begin(), server.heard.end(), said.begin()));
    if (!client.end) EXPECT_EQ(server.heard, said);
    client.stream->close();
    time.run_for(300s);
    EXPECT_EQ(client_machine.streams(), 0);
  }
}

}  // namespace warren::sim
