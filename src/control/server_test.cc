#include "control/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/core/testing.h"
#include "control/test_server.h"
#include "crypto/key_text.h"

namespace warren::control {
namespace {

using testing::Bench;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using testing::TestMachine;
using testing::TestServer;

class ControlServer : public ::testing::Test {
 protected:
  RegisterResponse join(TestMachine& machine, std::uint8_t node_key, const std::string& secret) {
    const auto answer = life.ask(machine, "/machine/register",
                                 encode(Bench::wish(machine.machine(node_key), secret)));
    EXPECT_EQ(answer.status, 200) << answer.body;
    return decode<RegisterResponse>(answer.body).value();
  }

  // A map stream whose first message was read, and is returned.
  MapResponse follow(TestMachine& machine, std::uint8_t node_key, http2::StreamId& stream) {
    MapRequest wish = Bench::map_wish(machine.machine(node_key));
    wish.stream = true;
    stream = machine.post("/machine/map", encode(wish));
    return next(machine, stream);
  }

  MapResponse next(TestMachine& machine, http2::StreamId stream) {
    std::vector<MapResponse> messages;
    EXPECT_TRUE(life.until([&] {
      messages = machine.take(stream);
      return !messages.empty();
    }));
    return messages.empty() ? MapResponse() : std::move(messages.front());
  }

  db::TemporaryDirectory directory;
  TestServer life{directory.path()};
};

TEST_F(ControlServer, TellsItsKeyToWhoSaysAVersion) {
  const std::string end = " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  const std::string page = life.exchange("GET /key?v=142" + end);
  EXPECT_THAT(page, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(page, HasSubstr(R"("publicKey":")" + to_text(life.server->public_key()) + '"'));
  // Zero or left out (spec: control section 2.2).
  EXPECT_THAT(page, Not(HasSubstr("legacyPublicKey")));
  EXPECT_THAT(life.exchange("GET /key" + end), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(life.exchange("GET /key?v=" + end), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(life.exchange("GET /key?x=1&v=1x" + end), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(life.exchange("POST /key?v=142" + end), StartsWith("HTTP/1.1 405"));
}

TEST_F(ControlServer, RefusesUpgradesThatItDoesNotServe) {
  const std::string end = "Connection: upgrade\r\n\r\n";
  const std::string post = "POST /ts2021 HTTP/1.1\r\nHost: x\r\n";
  const std::string upgrade = "Upgrade: tailscale-control-protocol\r\n";
  const std::pair<std::string, std::string_view> cases[] = {
      {post + end, "400"},
      {post + "Upgrade: derp\r\n" + end, "400"},
      {post + upgrade + end, "400"},
      {post + upgrade + "X-Tailscale-Handshake: AAAA\r\n" + end, "400"},
      {post + upgrade + "X-Tailscale-Handshake: " + std::string(136, '!') + "\r\n" + end, "400"},
      {post + upgrade + "X-Tailscale-Handshake: " + std::string(135, 'A') + "=\r\n" + end, "400"},
      {"GET /ts2021 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n" + end, "501"},
      {"GET /ts2021 HTTP/1.1\r\nHost: x\r\n" + upgrade + end, "405"},
  };
  for (const auto& [request, status] : cases) {
    SCOPED_TRACE(request);
    EXPECT_THAT(life.exchange(request), StartsWith("HTTP/1.1 " + std::string(status)));
  }
  EXPECT_EQ(life.server->machines().counters().refused_upgrades, std::size(cases));
}

TEST_F(ControlServer, ClosesWithoutAWordWhenTheHandshakeIsForAnother) {
  SeededRandom random(5);
  const auto other = MachinePrivateKey::generate(random).public_key();
  TestMachine machine(life.loop.get_executor(), life.listener->endpoint(), other, random);
  EXPECT_TRUE(life.until([&] { return machine.is_closed(); }));
  EXPECT_EQ(machine.first_read(), 0);
  EXPECT_EQ(life.server->machines().counters().failed_handshakes, 1);
}

TEST_F(ControlServer, AnswersTheUpgradeInOnePiece) {
  TestMachine& machine = life.connected();
  // The head, the handshake's response, and a record with SETTINGS.
  EXPECT_GT(machine.first_read(), 90 + ts2021::kResponseSize + ts2021::kRecordOverhead);
}

TEST_F(ControlServer, JoinsMachinesAndTellsThemOfEachOther) {
  const std::string secret = life.auth_key(true);
  TestMachine& first = life.connected();
  EXPECT_EQ(join(first, 1, secret).error, "");
  EXPECT_TRUE(life.members.contains(first.machine(1).node_key));
  http2::StreamId stream;
  const MapResponse whole = follow(first, 1, stream);
  ASSERT_TRUE(whole.node);
  EXPECT_EQ(whole.node->name, "nas.home.internal.");
  EXPECT_TRUE(whole.peers.empty());

  TestMachine& second = life.connected();
  EXPECT_EQ(join(second, 2, secret).error, "");
  http2::StreamId other;
  EXPECT_EQ(follow(second, 2, other).peers.size(), 1);
  const MapResponse delta = next(first, stream);
  ASSERT_EQ(delta.peers_changed.size(), 1);
  EXPECT_EQ(delta.peers_changed[0].key, second.machine(2).node_key);

  second.reset(other);
  RegisterRequest farewell = Bench::wish(second.machine(2), {});
  farewell.expiry = WallTime{.seconds = 1, .nanoseconds = 0};
  const auto answer = life.ask(second, "/machine/register", encode(farewell));
  EXPECT_EQ(answer.status, 200);
  const MapResponse gone = next(first, stream);
  ASSERT_EQ(gone.peers_changed.size(), 1);
  EXPECT_TRUE(gone.peers_changed[0].expired);
}

TEST_F(ControlServer, AnswersAHeldRequestWhenAPersonApproves) {
  TestMachine& machine = life.connected();
  RegisterRequest wish = Bench::wish(machine.machine(1, "<i>nas</i>"), {});
  const auto asked =
      decode<RegisterResponse>(life.ask(machine, "/machine/register", encode(wish)).body).value();
  const std::string id = asked.auth_url.substr(asked.auth_url.rfind('/') + 1);
  const std::string end = " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  const std::string page = life.exchange("GET /register/" + id + end);
  EXPECT_THAT(page, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(page, HasSubstr("warren admin login approve " + id + " --user NAME"));
  EXPECT_THAT(page, HasSubstr("&lt;i&gt;nas&lt;/i&gt;"));
  EXPECT_THAT(page, Not(HasSubstr("<i>")));
  EXPECT_THAT(life.exchange("GET /register/nobody" + end), StartsWith("HTTP/1.1 404"));

  wish.followup = asked.auth_url;
  const auto held = machine.post("/machine/register", encode(wish));
  life.admin("POST", "users", R"({"login":"ann"})");
  EXPECT_EQ(life.admin("POST", "logins/" + id + "/approve", R"({"user":"ann"})").status, 200);
  ASSERT_TRUE(life.until([&] { return machine.answer(held).is_over; }));
  EXPECT_TRUE(decode<RegisterResponse>(machine.answer(held).body).value().machine_authorized);
}

TEST_F(ControlServer, LetsOneOfAThousandUseASingleUseKey) {
  const std::string secret = life.auth_key();
  constexpr std::size_t kMachines = 1000;
  for (std::size_t i = 0; i < kMachines; ++i) life.connect();
  ASSERT_TRUE(life.until([&] {
    return std::ranges::all_of(life.machines,
                               [](const auto& machine) { return machine.is_open(); });
  }));
  std::vector<std::pair<TestMachine*, http2::StreamId>> asked;
  for (TestMachine& machine : life.machines) {
    netmap::Machine who = machine.machine(0);
    std::array<std::uint8_t, kKeySize> node_key{};
    store_be(node_key.data(), static_cast<std::uint64_t>(asked.size() + 1));
    who.node_key = NodePublicKey(node_key);
    asked.emplace_back(&machine,
                       machine.post("/machine/register", encode(Bench::wish(who, secret))));
  }
  std::size_t admitted = 0;
  for (const auto& [machine, stream] : asked) {
    ASSERT_TRUE(life.until([&] { return machine->answer(stream).is_over; }));
    const auto answer = decode<RegisterResponse>(machine->answer(stream).body).value();
    admitted += answer.error.empty() ? 1 : 0;
  }
  EXPECT_EQ(admitted, 1);
  EXPECT_EQ(life.server->tables().nodes().size(), 1);
}

TEST_F(ControlServer, SaysThatNothingCanBeStored) {
  const std::string secret = life.auth_key();
  auto other = db::must(db::Connection::open(directory.file("warren.db"), {}));
  db::must(other.execute("UPDATE log_head SET seq = seq + 100"));
  TestMachine& machine = life.connected();
  EXPECT_THAT(join(machine, 1, secret).error, HasSubstr("cannot store anything"));
  const auto refused = life.admin("POST", "users", R"({"login":"bob"})");
  EXPECT_EQ(refused.status, 507U);
  EXPECT_THAT(refused.json, HasSubstr("cannot store anything now: "));
  EXPECT_TRUE(life.server->tables().nodes().empty());
  db::must(other.execute("UPDATE log_head SET seq = seq - 100"));
  EXPECT_EQ(join(machine, 1, secret).error, "");
}

TEST_F(ControlServer, EndsStreamsWhenItStopsAndKnowsEveryoneAfterwards) {
  const std::string secret = life.auth_key();
  TestMachine& machine = life.connected();
  join(machine, 1, secret);
  http2::StreamId stream;
  follow(machine, 1, stream);
  life.server->admin("POST", "/api/warren/v1/users", R"({"login":"bob"})", [](unsigned, auto) {});
  life.stop();
  EXPECT_TRUE(life.until([&] { return machine.is_closed(); }));
  EXPECT_TRUE(machine.answer(stream).is_over);
  EXPECT_FALSE(machine.answer(stream).reset);

  TestServer again(directory.path());
  EXPECT_EQ(again.server->tables().nodes().size(), 1);
  EXPECT_EQ(again.server->tables().users().size(), 2);
  EXPECT_TRUE(again.members.contains(machine.machine(1).node_key));
  EXPECT_EQ(again.server->engine().online(), 1);  // it said its disco key: that was stored too
}

}  // namespace
}  // namespace warren::control
