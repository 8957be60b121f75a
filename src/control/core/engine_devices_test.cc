#include <boost/json/parse.hpp>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hex.h"
#include "control/core/testing.h"

namespace warren::control {
namespace {

using netmap::testing::machine;
using netmap::testing::numbered_key;
using testing::Bench;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string base64_key(std::uint8_t number) {
  return to_base64(numbered_key<NodePublicKey>(number).bytes());
}

std::string new_device(std::string_view name, std::uint8_t key, std::string_view more = "") {
  return fmt::format(R"({{"name":"{}","public_key":"{}"{}}})", name, base64_key(key), more);
}

std::vector<std::string> texts(const std::vector<IpPrefix>& prefixes) {
  std::vector<std::string> out;
  out.reserve(prefixes.size());
  for (const IpPrefix& prefix : prefixes) out.push_back(prefix.to_string());
  return out;
}

// A server with its hub, and one machine of ann's. Addresses go by order.
class WithHub : public ::testing::Test {
 protected:
  static EngineOptions options() {
    EngineOptions out = Bench::defaults();
    out.hub_machine = machine(100, 100).key;
    return out;
  }

  void SetUp() override {
    EXPECT_EQ(bench.admin("POST", "users", R"({"login":"ann"})").status, 200);
    hub = up(machine(100, 100, "vps"), "");
    const auto made = bench.admin("POST", "keys", R"({"user":"ann"})");
    nas =
        up(machine(1, 1, "nas"), std::string(boost::json::parse(made.body).at("key").as_string()));
    bench.take(hub);
  }

  RequestId up(const netmap::Machine& who, const std::string& secret) {
    EXPECT_EQ(bench.join(who, secret).error, "");
    const RequestId stream = bench.open_stream(who);
    bench.update(who, Bench::map_wish(who));
    bench.pass(1s);
    bench.take(stream);
    return stream;
  }

  Bench::Answer add(std::string_view name, std::uint8_t key, std::string_view more = "") {
    return bench.admin("POST", "devices", new_device(name, key, more));
  }

  // The one message that a moment brought.
  MapResponse news(RequestId stream) {
    bench.pass(100ms);
    const auto messages = bench.take(stream);
    EXPECT_THAT(messages, SizeIs(1));
    return messages.empty() ? MapResponse() : messages.front();
  }

  void nothing(RequestId stream) {
    bench.pass(100ms);
    EXPECT_THAT(bench.take(stream), IsEmpty());
  }

  Bench bench{options()};
  RequestId hub;  // their streams
  RequestId nas;
};

TEST_F(WithHub, LetsItsOwnMachineInWithoutAKey) {
  const netmap::Node* const node = bench.model.tables().find_hub();
  ASSERT_NE(node, nullptr);
  EXPECT_EQ(node->name, "hub");
  const auto again = bench.join(machine(100, 100), "");
  EXPECT_TRUE(again.machine_authorized);
  EXPECT_EQ(again.login.login_name, "tagged-devices");
  EXPECT_NE(bench.join(machine(101, 101), "").auth_url, "") << "another one asks a person";
}

TEST_F(WithHub, TellsTheHubOfADeviceAndOthersOfTheHub) {
  const auto answer = add("phone", 7);
  ASSERT_EQ(answer.status, 200) << answer.body;

  const MapResponse to_hub = news(hub);
  ASSERT_THAT(to_hub.peers_changed, SizeIs(1));
  const Node& device = to_hub.peers_changed[0];
  EXPECT_TRUE(device.is_wireguard_only);
  EXPECT_EQ(device.name, "phone.home.internal.");
  EXPECT_EQ(device.key, numbered_key<NodePublicKey>(7));
  EXPECT_TRUE(device.disco_key.is_zero());
  const auto of_device = ElementsAre("100.64.0.3/32", "fd7a:115c:a1e0::6440:3/128");
  EXPECT_THAT(texts(device.addresses), of_device);
  EXPECT_THAT(texts(device.effective_allowed_ips()), of_device);
  ASSERT_TRUE(to_hub.node);
  EXPECT_THAT(texts(to_hub.node->addresses), SizeIs(2));
  EXPECT_THAT(texts(to_hub.node->effective_allowed_ips()),
              ElementsAre("100.64.0.1/32", "fd7a:115c:a1e0::6440:1/128", "100.64.0.3/32",
                          "fd7a:115c:a1e0::6440:3/128"));

  const MapResponse to_nas = news(nas);
  ASSERT_THAT(to_nas.peers_changed, SizeIs(1));
  const Node& seen = to_nas.peers_changed[0];
  EXPECT_EQ(seen.name, "hub.home.internal.");
  EXPECT_FALSE(seen.is_wireguard_only);
  EXPECT_THAT(texts(seen.addresses), ElementsAre("100.64.0.1/32", "fd7a:115c:a1e0::6440:1/128",
                                                 "100.64.0.3/32", "fd7a:115c:a1e0::6440:3/128"));
  EXPECT_EQ(seen.effective_allowed_ips(), seen.addresses);
  EXPECT_FALSE(to_nas.node);
  ASSERT_TRUE(to_nas.dns_config);
  const auto record = [](std::string type, std::string value) {
    return DnsRecord{
        .name = "phone.home.internal", .type = std::move(type), .value = std::move(value)};
  };
  EXPECT_THAT(to_nas.dns_config->extra_records,
              ElementsAre(record("A", "100.64.0.3"), record("AAAA", "fd7a:115c:a1e0::6440:3")));
}

TEST_F(WithHub, TellsTheSameInAFirstMap) {
  ASSERT_EQ(add("phone", 7).status, 200);
  bench.pass(1s);
  const auto to_hub = bench.take(bench.open_stream(machine(100, 100)));
  ASSERT_THAT(to_hub, SizeIs(1));
  ASSERT_THAT(to_hub[0].peers, SizeIs(2));
  EXPECT_TRUE(to_hub[0].peers[1].is_wireguard_only);
  EXPECT_THAT(texts(to_hub[0].node->effective_allowed_ips()), SizeIs(4));
  EXPECT_EQ(to_hub[0].dns_config->extra_records.size(), 2);
  const auto to_nas = bench.take(bench.open_stream(machine(1, 1)));
  ASSERT_THAT(to_nas[0].peers, SizeIs(1));
  EXPECT_THAT(texts(to_nas[0].peers[0].addresses), SizeIs(4));
}

TEST_F(WithHub, CutsADeviceOffAtOnce) {
  ASSERT_EQ(add("phone", 7).status, 200);
  const netmap::NodeId id = news(hub).peers_changed.at(0).id;
  news(nas);
  ASSERT_EQ(bench.admin("POST", "devices/phone/disable").status, 200);
  EXPECT_THAT(news(hub).peers_removed, ElementsAre(id));
  const MapResponse without = news(nas);
  EXPECT_THAT(texts(without.peers_changed.at(0).addresses), SizeIs(2));
  EXPECT_THAT(without.dns_config->extra_records, IsEmpty());
  ASSERT_EQ(bench.admin("POST", "devices/phone/enable").status, 200);
  EXPECT_THAT(news(hub).peers_changed, SizeIs(1));
  EXPECT_THAT(texts(news(nas).peers_changed.at(0).addresses), SizeIs(4));
  ASSERT_EQ(bench.admin("DELETE", "devices/phone").status, 200);
  EXPECT_THAT(news(hub).peers_removed, ElementsAre(id));
  EXPECT_THAT(texts(news(nas).peers_changed.at(0).addresses), SizeIs(2));
}

TEST_F(WithHub, CutsADeviceOffWhenItExpires) {
  ASSERT_EQ(add("phone", 7, R"(,"lifetime":"30s")").status, 200);
  const netmap::NodeId id = news(hub).peers_changed.at(0).id;
  bench.pass(25s);
  bench.take(hub);
  bench.pass(8s);
  std::vector<netmap::NodeId> removed;
  for (const MapResponse& message : bench.take(hub)) {
    std::ranges::copy(message.peers_removed, std::back_inserter(removed));
  }
  EXPECT_THAT(removed, ElementsAre(id));
  EXPECT_THAT(bench.admin("GET", "devices/phone").body, HasSubstr(R"("expired":true)"));
  ASSERT_EQ(bench.admin("POST", "devices/phone/expiry", R"({"lifetime":null})").status, 200);
  EXPECT_THAT(news(hub).peers_changed, SizeIs(1));
}

TEST_F(WithHub, TellsOnlyWhomItConcernsOfNamesAndKeys) {
  ASSERT_EQ(add("phone", 7).status, 200);
  news(hub);
  news(nas);
  ASSERT_EQ(bench
                .admin("POST", "devices/phone/key",
                       fmt::format(R"({{"public_key":"{}"}})", base64_key(8)))
                .status,
            200);
  EXPECT_EQ(news(hub).peers_changed.at(0).key, numbered_key<NodePublicKey>(8));
  nothing(nas);
  ASSERT_EQ(bench.admin("POST", "devices/phone/rename", R"({"name":"handset"})").status, 200);
  EXPECT_EQ(news(hub).peers_changed.at(0).name, "handset.home.internal.");
  const MapResponse to_nas = news(nas);
  EXPECT_THAT(to_nas.peers_changed, IsEmpty());
  EXPECT_EQ(to_nas.dns_config->extra_records.at(0).name, "handset.home.internal");
}

TEST_F(WithHub, CountsNoDeviceAmongTheMembersOfTheRelay) {
  ASSERT_EQ(add("phone", 7).status, 200);
  EXPECT_FALSE(bench.engine.members().contains(numbered_key<NodePublicKey>(7)));
  EXPECT_THAT(bench.engine.members(), SizeIs(2));
}

TEST_F(WithHub, NeverTakesADeviceForAMachine) {
  ASSERT_EQ(add("phone", 7).status, 200);
  const auto thief = machine(9, 7);
  EXPECT_THAT(bench.join(thief, "").error, HasSubstr("another machine"));
  EXPECT_EQ(bench.answers.at(bench.open_stream(thief)).status, 404);
  EXPECT_EQ(bench.answers.at(bench.open_stream(machine(0, 7))).status, 404);
  EXPECT_THAT(bench.join(machine(0, 7), "").error, HasSubstr("another machine"));
}

TEST_F(WithHub, AnswersWithAllThatAProfileNeeds) {
  const auto answer = add("phone", 7);
  const auto json = boost::json::parse(answer.body).as_object();
  EXPECT_EQ(json.at("ipv4"), "100.64.0.3");
  EXPECT_EQ(json.at("user"), "ann") << "the only user";
  EXPECT_EQ(json.at("warning"), "");
  EXPECT_EQ(json.at("profile").at("endpoint"), "warren.example:41641");
  EXPECT_EQ(std::string(json.at("profile").at("hub_key").as_string()), base64_key(100));
  EXPECT_EQ(json.at("profile").at("dns"), "100.64.0.1");
}

TEST_F(WithHub, WarnsWhileTheHubIsAway) {
  bench.engine.on_request_gone(hub, bench.moment(), bench.actions);
  bench.perform();
  bench.pass(30s);
  EXPECT_THAT(add("phone", 7).body, HasSubstr("the hub is not running: it has not come up"));
  bench.engine.set_hub_problem("the server may not make a device");
  EXPECT_THAT(add("pad", 8).body, HasSubstr("through the server's hub: the server may not"));
  EXPECT_EQ(bench.admin("GET", "devices/pad").status, 404);
}

TEST_F(WithHub, RefusesWhatMakesNoSense) {
  const auto why = [&](const Bench::Answer& answer) {
    EXPECT_NE(answer.status, 200);
    return std::string(boost::json::parse(answer.body).at("detail").as_string());
  };
  EXPECT_THAT(why(add("Phone 1", 7)), HasSubstr("is no name"));
  EXPECT_THAT(why(add("nas", 7)), HasSubstr("in use"));
  EXPECT_THAT(why(add("phone", 1)), HasSubstr("nas's"));
  EXPECT_THAT(why(add("phone", 7, R"(,"user":"eve")")), HasSubstr("no user eve"));
  EXPECT_THAT(why(add("phone", 7, R"(,"tags":["x"])")), HasSubstr("is no tag"));
  EXPECT_THAT(why(add("phone", 7, R"(,"tags":["tag:hub"])")), HasSubstr("server's own"));
  EXPECT_THAT(why(bench.admin("POST", "devices", R"({"name":"phone","public_key":"a"})")),
              HasSubstr("wg pubkey"));
  EXPECT_THAT(why(bench.admin("GET", "devices/nas")), HasSubstr("no device"));
  EXPECT_THAT(why(bench.admin("POST", "devices/phone/disable")), HasSubstr("no device phone"));
  ASSERT_EQ(add("phone", 7, R"(,"tags":["tag:x"])").status, 200);
  EXPECT_THAT(why(bench.admin("POST", "nodes/phone/expire")), HasSubstr("can be disabled"));
  EXPECT_THAT(why(bench.admin("DELETE", "nodes/hub")), HasSubstr("carries 1 devices"));
}

TEST(WithoutHub, NoDeviceIsMadeAndTheReasonIsSaid) {
  Bench bench;
  EXPECT_EQ(bench.admin("POST", "users", R"({"login":"ann"})").status, 200);
  auto answer = bench.admin("POST", "devices", new_device("phone", 7));
  EXPECT_EQ(answer.status, 503);
  EXPECT_THAT(answer.body, HasSubstr("its configuration leaves it out"));
  bench.engine.set_hub_problem("there is no /dev/net/tun");
  answer = bench.admin("POST", "devices", new_device("phone", 7));
  EXPECT_THAT(answer.body, HasSubstr("go through the server's hub: there is no /dev/net/tun"));
  EXPECT_TRUE(bench.model.tables().nodes().empty());
}

// As after a restart of the server: the rows are there before the engine.
TEST_F(WithHub, CarriesStoredDevicesFromTheStart) {
  ASSERT_EQ(add("phone", 7, R"(,"lifetime":"1h")").status, 200);
  ASSERT_EQ(add("pad", 8).status, 200);
  ASSERT_EQ(bench.admin("POST", "devices/pad/disable").status, 200);
  Engine engine(options(), bench.model, bench.random);
  engine.start(bench.moment());
  Actions actions;
  const auto wish = [&] {
    MapRequest out = Bench::map_wish(machine(100, 100));
    out.stream = true;
    return encode(out);
  }();
  engine.on_request({.id = {1},
                     .caller = {.machine = machine(100, 100).key, .version = 142, .address = {}},
                     .method = "POST",
                     .path = "/machine/map",
                     .body = wish},
                    bench.moment(), actions);
  engine.on_committed({}, bench.moment(), actions);
  std::string text;
  for (const Action& action : actions) {
    if (const auto* const data = std::get_if<StreamData>(&action)) {
      text.assign(data->bytes.begin(), data->bytes.end());
    }
  }
  EXPECT_THAT(text, HasSubstr("phone.home.internal."));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("pad.home.internal.")));
}

}  // namespace
}  // namespace warren::control
