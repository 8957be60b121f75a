#include "plain/engine_config.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hex.h"

namespace warren::plain {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr std::string_view kPrivateKey = "oK56DE9Ue9zK76rAc8pBl6opph+1v36lm7cXXsQKrQM=";
constexpr std::string_view kKeyA = "GtL7fZc/bLnqZldpVofMCD6hDjrK28SsdLxevJ+qtKU=";
constexpr std::string_view kKeyB = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
constexpr std::string_view kPreshared = "/UwcSPg38hW/D9Y3tcS1FOV0K1wuURMbS0sesJEP5ak=";

NodePublicKey key_of(std::string_view base64) {
  std::array<std::uint8_t, kKeySize> bytes{};
  EXPECT_TRUE(parse_base64(base64, bytes));
  return NodePublicKey(bytes);
}

std::string peer(std::string_view key, std::string_view lines) {
  return "[Peer]\nPublicKey=" + std::string(key) + "\n" + std::string(lines) + "\n";
}

class FixedClock final : public WallClock {
 public:
  WallTime now() const override { return {1700000000, 0}; }
};

class EngineConfigTest : public ::testing::Test {
 protected:
  void sync(const std::string& peers) {
    const auto config =
        wgquick::parse_config("[Interface]\nPrivateKey=" + std::string(kPrivateKey) + "\n" + peers);
    ASSERT_TRUE(config) << config.error().detail;
    ASSERT_TRUE(sync_engine(*config, engine, now, actions));
  }

  void set(const std::string& lines) {
    auto request = uapi::decode_request("set=1\n" + lines + "\n");
    ASSERT_TRUE(request);
    ASSERT_TRUE(apply_set(std::get<uapi::SetRequest>(*request), engine, now, actions));
  }

  wg::PeerStatus status(std::string_view key) const {
    return engine.status(*engine.find_peer(key_of(key)));
  }

  SeededRandom random{1};
  FixedClock clock;
  wg::Engine engine{random, clock};
  TimePoint now;
  wg::Actions actions;
};

TEST_F(EngineConfigTest, TakesKeysAndPeersOfTheFile) {
  sync(peer(kKeyA, "PresharedKey=" + std::string(kPreshared) +
                       "\nAllowedIPs=10.0.0.2, fd00::/64\nPersistentKeepalive=25"));
  EXPECT_EQ(to_base64(engine.private_key().bytes()), kPrivateKey);
  EXPECT_TRUE(status(kKeyA).has_preshared_key);
  EXPECT_EQ(status(kKeyA).persistent_keepalive, 25s);
  EXPECT_THAT(status(kKeyA).allowed_ips,
              UnorderedElementsAre(*IpPrefix::parse("10.0.0.2/32"), *IpPrefix::parse("fd00::/64")));
}

TEST_F(EngineConfigTest, LeavesPeersAloneThatDidNotChange) {
  const std::string a = peer(kKeyA, "AllowedIPs=10.0.0.2\nPersistentKeepalive=25");
  sync(a);
  const wg::PeerId before = *engine.find_peer(key_of(kKeyA));
  engine.set_endpoint(before, *Endpoint::parse("192.0.2.1:7"));
  actions.clear();
  sync(a + peer(kKeyB, "AllowedIPs=10.0.0.3"));
  EXPECT_EQ(engine.find_peer(key_of(kKeyA)), before);
  EXPECT_EQ(status(kKeyA).endpoint, Endpoint::parse("192.0.2.1:7"));
  EXPECT_THAT(actions, IsEmpty());
  sync(peer(kKeyB, "AllowedIPs=10.0.0.3"));
  EXPECT_FALSE(engine.find_peer(key_of(kKeyA)));
  EXPECT_THAT(engine.peers(), SizeIs(1));
}

TEST_F(EngineConfigTest, MovesAPrefixBetweenPeers) {
  sync(peer(kKeyA, "AllowedIPs=10.0.0.0/8") + peer(kKeyB, "AllowedIPs=10.1.0.0/16"));
  sync(peer(kKeyA, "AllowedIPs=10.1.0.0/16") + peer(kKeyB, "AllowedIPs=10.0.0.0/8"));
  EXPECT_THAT(status(kKeyA).allowed_ips, ElementsAre(*IpPrefix::parse("10.1.0.0/16")));
  EXPECT_THAT(status(kKeyB).allowed_ips, ElementsAre(*IpPrefix::parse("10.0.0.0/8")));
}

TEST_F(EngineConfigTest, TurnsOffWhatTheFileNoLongerHas) {
  sync(peer(kKeyA, "PresharedKey=" + std::string(kPreshared) + "\nPersistentKeepalive=25"));
  sync(peer(kKeyA, ""));
  EXPECT_FALSE(status(kKeyA).has_preshared_key);
  EXPECT_EQ(status(kKeyA).persistent_keepalive, 0s);
}

TEST_F(EngineConfigTest, SetsWhatARequestSaysAndNothingElse) {
  const std::string a = "public_key=" + to_hex(key_of(kKeyA).bytes()) + "\n";
  const std::string b = "public_key=" + to_hex(key_of(kKeyB).bytes()) + "\n";
  set(a + "endpoint=192.0.2.1:7\nallowed_ip=10.0.0.0/8\npersistent_keepalive_interval=9\n");
  set(a + "allowed_ip=10.1.0.0/16\n" + b + "update_only=true\nallowed_ip=10.2.0.0/16\n");
  EXPECT_FALSE(engine.find_peer(key_of(kKeyB))) << "update_only adds no peer";
  EXPECT_THAT(status(kKeyA).allowed_ips, SizeIs(2));
  EXPECT_EQ(status(kKeyA).endpoint, Endpoint::parse("192.0.2.1:7"));
  EXPECT_EQ(status(kKeyA).persistent_keepalive, 9s);
  set(a + "replace_allowed_ips=true\nallowed_ip=10.3.0.0/16\n" + b + "remove=true\n");
  EXPECT_THAT(status(kKeyA).allowed_ips, ElementsAre(*IpPrefix::parse("10.3.0.0/16")));
  set("replace_peers=true\n" + b);
  EXPECT_FALSE(engine.find_peer(key_of(kKeyA)));
  EXPECT_TRUE(engine.find_peer(key_of(kKeyB)));
  set(b + "remove=true\n");
  EXPECT_THAT(engine.peers(), IsEmpty());
}

TEST_F(EngineConfigTest, DescribesWhatIsConfigured) {
  sync(peer(kKeyA, "PresharedKey=" + std::string(kPreshared) +
                       "\nAllowedIPs=10.0.0.2\nPersistentKeepalive=25"));
  engine.set_endpoint(*engine.find_peer(key_of(kKeyA)), *Endpoint::parse("192.0.2.1:7"));
  const uapi::DeviceState device = describe_engine(engine);
  EXPECT_EQ(to_base64(device.private_key.bytes()), kPrivateKey);
  ASSERT_THAT(device.peers, SizeIs(1));
  EXPECT_EQ(device.peers[0].public_key, key_of(kKeyA));
  EXPECT_EQ(to_base64(device.peers[0].preshared_key.bytes()), kPreshared);
  EXPECT_EQ(device.peers[0].endpoint, Endpoint::parse("192.0.2.1:7"));
  EXPECT_EQ(device.peers[0].persistent_keepalive, 25U);
  EXPECT_THAT(device.peers[0].allowed_ips, ElementsAre(*IpPrefix::parse("10.0.0.2/32")));
  EXPECT_FALSE(device.peers[0].last_handshake);
}

}  // namespace
}  // namespace warren::plain
