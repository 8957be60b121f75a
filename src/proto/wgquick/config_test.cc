#include "proto/wgquick/config.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hex.h"

namespace warren::wgquick {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

// Examples of wg-quick(8), without DNS and SaveConfig.
constexpr std::string_view kClient = R"([Interface]
Address = 10.200.100.8/24
PrivateKey = oK56DE9Ue9zK76rAc8pBl6opph+1v36lm7cXXsQKrQM=

[Peer]
PublicKey = GtL7fZc/bLnqZldpVofMCD6hDjrK28SsdLxevJ+qtKU=
PresharedKey = /UwcSPg38hW/D9Y3tcS1FOV0K1wuURMbS0sesJEP5ak=
AllowedIPs = 0.0.0.0/0
Endpoint = demo.wireguard.com:51820
)";

constexpr std::string_view kServer = R"([Interface]
Address = 10.192.122.1/24
Address = 10.10.0.1/16
PrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=
ListenPort = 51820

[Peer]
PublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=
AllowedIPs = 10.192.122.3/32, 10.192.124.1/24

[Peer]
PublicKey = TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=
AllowedIPs = 10.192.122.4/32, 192.168.0.0/16

[Peer]
PublicKey = gN65BkIKy1eCE9pP1wdc8ROUtkHLF2PfAqYdyYBz6EA=
AllowedIPs = 10.10.10.230/32
)";

constexpr std::string_view kInterface =
    "[Interface]\nPrivateKey = oK56DE9Ue9zK76rAc8pBl6opph+1v36lm7cXXsQKrQM=\n";
constexpr std::string_view kPeer =
    "[Peer]\nPublicKey = GtL7fZc/bLnqZldpVofMCD6hDjrK28SsdLxevJ+qtKU=\n";

std::string error_of(std::string_view text) {
  const auto config = parse_config(text);
  return config ? "" : config.error().detail;
}

std::string interface_with(std::string_view line) {
  return std::string(kInterface) + std::string(line) + "\n";
}

std::string peer_with(std::string_view line) {
  return std::string(kInterface) + std::string(kPeer) + std::string(line) + "\n";
}

TEST(WgQuickConfig, ReadsTheClientOfTheManual) {
  const auto config = parse_config(kClient);
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_EQ(to_base64(config->interface.private_key.bytes()),
            "oK56DE9Ue9zK76rAc8pBl6opph+1v36lm7cXXsQKrQM=");
  EXPECT_THAT(config->interface.addresses,
              ElementsAre(InterfaceAddress{*IpAddress::parse("10.200.100.8"), 24}));
  EXPECT_EQ(config->interface.table, RouteTable{});
  ASSERT_THAT(config->peers, SizeIs(1));
  const Peer& peer = config->peers[0];
  EXPECT_EQ(to_base64(peer.public_key.bytes()), "GtL7fZc/bLnqZldpVofMCD6hDjrK28SsdLxevJ+qtKU=");
  EXPECT_EQ(to_base64(peer.preshared_key.bytes()), "/UwcSPg38hW/D9Y3tcS1FOV0K1wuURMbS0sesJEP5ak=");
  EXPECT_THAT(peer.allowed_ips, ElementsAre(*IpPrefix::parse("0.0.0.0/0")));
  EXPECT_EQ(peer.endpoint, (EndpointName{"demo.wireguard.com", 51820}));
  EXPECT_EQ(peer.persistent_keepalive, 0);
}

TEST(WgQuickConfig, ReadsTheServerOfTheManual) {
  const auto config = parse_config(kServer);
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_EQ(config->interface.listen_port, 51820);
  EXPECT_THAT(config->interface.addresses, SizeIs(2));
  ASSERT_THAT(config->peers, SizeIs(3));
  EXPECT_THAT(config->peers[0].allowed_ips, ElementsAre(*IpPrefix::parse("10.192.122.3/32"),
                                                        *IpPrefix::parse("10.192.124.0/24")));
  EXPECT_TRUE(config->peers[2].preshared_key.is_zero());
}

TEST(WgQuickConfig, IsTolerantOfCaseSpaceCommentsAndLineEnds) {
  const auto config = parse_config(
      "\xEF\xBB\xBF# mine\r\n [INTERFACE] # first\r\n"
      "\tprivatekey=oK56DE9Ue9zK76rAc8pBl6opph+1v36lm7cXXsQKrQM=\r\n"
      "ADDRESS=10.0.0.1/24 fd00::1/64,10.0.0.1/24\r\nMtu = 1380\r\nfwmark = 0xCa6C\r\n"
      "[peer]\r\nPublicKey = GtL7fZc/bLnqZldpVofMCD6hDjrK28SsdLxevJ+qtKU= # theirs\r\n"
      "AllowedIPs =\r\nallowedips = 10.0.0.2\r\nAllowedIPs=fd00::/64 , 10.1.0.0/16\r\n"
      "PersistentKeepalive = OFF");
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_THAT(config->interface.addresses,
              ElementsAre(InterfaceAddress{*IpAddress::parse("10.0.0.1"), 24},
                          InterfaceAddress{*IpAddress::parse("fd00::1"), 64}));
  EXPECT_EQ(config->interface.mtu, 1380U);
  EXPECT_EQ(config->interface.fw_mark, 0xCA6CU);
  EXPECT_THAT(config->peers.at(0).allowed_ips,
              ElementsAre(*IpPrefix::parse("10.0.0.2/32"), *IpPrefix::parse("fd00::/64"),
                          *IpPrefix::parse("10.1.0.0/16")));
}

TEST(WgQuickConfig, ReadsEveryKindOfTable) {
  using Kind = RouteTable::Kind;
  const auto table = [](std::string_view value) {
    const auto config = parse_config(interface_with("Table = " + std::string(value)));
    return config ? config->interface.table : RouteTable{Kind::Name, 0, "refused"};
  };
  EXPECT_EQ(table("auto"), RouteTable{});
  EXPECT_EQ(table("Off"), (RouteTable{Kind::Off, 0, {}}));
  EXPECT_EQ(table("1234"), (RouteTable{Kind::Number, 1234, {}}));
  EXPECT_EQ(table("0x10"), (RouteTable{Kind::Number, 16, {}}));
  EXPECT_EQ(table("main"), (RouteTable{Kind::Name, 0, "main"}));
}

TEST(WgQuickConfig, ReadsEveryKindOfEndpoint) {
  const auto endpoint = [](std::string_view value) {
    const auto config = parse_config(peer_with("Endpoint = " + std::string(value)));
    return config ? config->peers[0].endpoint : std::nullopt;
  };
  EXPECT_EQ(endpoint("192.0.2.1:1"), (EndpointName{"192.0.2.1", 1}));
  EXPECT_EQ(endpoint("[2001:db8::1]:65535"), (EndpointName{"2001:db8::1", 65535}));
  EXPECT_EQ(endpoint("[fe80::1%eth0]:51820"), (EndpointName{"fe80::1%eth0", 51820}));
  EXPECT_EQ(endpoint("a_b-c.example.org:51820")->to_string(), "a_b-c.example.org:51820");
  EXPECT_EQ(endpoint("[2001:db8::1]:51820")->to_string(), "[2001:db8::1]:51820");
}

TEST(WgQuickConfig, ErrorsNameTheLineAndSayWhatToDo) {
  struct Case {
    std::string text;
    std::string_view begin;
    std::string_view part;
  };

  const Case cases[] = {
      {"", "line 1: ", "no [Interface] section"},
      {"# nothing\n\n", "line 2: ", "no [Interface] section"},
      {"PrivateKey = x\n", "line 1: ", "before the first section"},
      {"[Interface]\n\n[Peer]\n",
       "line 3: ", "that began on line 1: [Interface] has no PrivateKey"},
      {std::string(kInterface) + "[Peer]\nAllowedIPs = ::/0\n", "line 3: ", "no PublicKey"},
      {std::string(kInterface) + "[Interface]\n", "line 3: ", "second [Interface]"},
      {std::string(kInterface) + "[Server]\n", "line 3: ", "write [Interface] or [Peer]"},
      {"[Interface]\nPrivateKey = short\n", "line 2: ", "wg genkey"},
      {"[Interface]\nPrivateKey = AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
       "line 2: ", "all zero"},
      {interface_with("Adress = 10.0.0.1"), "line 3: ", "Adress is not a key"},
      {interface_with("AllowedIPs = 10.0.0.1"), "line 3: ", "belongs into [Peer]"},
      {interface_with("Address = 10.0.0.1/33"), "line 3: ", "10.0.0.2/24"},
      {interface_with("ListenPort = 65536"), "line 3: ", "1 to 65535"},
      {interface_with("MTU = 575"), "line 3: ", "from 576"},
      {interface_with("MTU = 1420\nMTU = 1420"), "line 4: ", "given twice"},
      {interface_with("Table = 0"), "line 3: ", "auto, off"},
      {interface_with("FwMark = 0x100000000"), "line 3: ", "32 bits"},
      {interface_with("word"), "line 3: ", "Key = value"},
      {peer_with("ListenPort = 1"), "line 5: ", "belongs into [Interface]"},
      {peer_with("AllowedIPs = 10.0.0.0/8, nowhere"), "line 5: ", "0.0.0.0/0 for everything"},
      {peer_with("Endpoint = example.org"), "line 5: ", "HOST:PORT"},
      {peer_with("Endpoint = 2001:db8::1:51820"), "line 5: ", "brackets"},
      {peer_with("Endpoint = [192.0.2.1]:51820"), "line 5: ", "brackets"},
      {peer_with("Endpoint = host:0"), "line 5: ", "HOST:PORT"},
      {peer_with("PersistentKeepalive = 65536"), "line 5: ", "25 suits"},
      {peer_with("PresharedKey = no"), "line 5: ", "wg genpsk"},
      {peer_with(kPeer), "line 6: ", "section on line 3 already"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_THAT(error_of(c.text), StartsWith(c.begin));
    EXPECT_THAT(error_of(c.text), HasSubstr(c.part));
  }
}

TEST(WgQuickConfig, RefusesWhatWgQuickHandsToOthers) {
  EXPECT_THAT(error_of(interface_with("DNS = 10.0.0.1")), HasSubstr("resolvectl"));
  for (const std::string_view hook : {"PreUp", "PostUp", "PreDown", "PostDown"}) {
    EXPECT_THAT(error_of(interface_with(std::string(hook) + " = true")),
                StartsWith("line 3: " + std::string(hook) + " is refused, because"));
  }
  EXPECT_THAT(error_of(interface_with("SaveConfig = true")), HasSubstr("wg showconf"));
  EXPECT_THAT(error_of(interface_with("SaveConfig = false")), IsEmpty());
}

TEST(WgQuickConfig, ErrorsNeverRepeatAKey) {
  constexpr std::string_view kKey = "oK56DE9Ue9zK76rAc8pBl6opph+1v36lm7cXXsQKrQM=";
  const std::string key(kKey);
  for (const std::string& text :
       {interface_with(key), interface_with("PresharedKey " + key), interface_with(key + " = "),
        "[Interface]\nPrivateKey = " + key + "=\n", peer_with("PresharedKey = x" + key)}) {
    EXPECT_THAT(error_of(text), Not(IsEmpty()));
    EXPECT_THAT(error_of(text), Not(HasSubstr("oK56")));
  }
}

TEST(WgQuickConfig, RefusesFilesLinesAndListsBeyondTheirBounds) {
  EXPECT_THAT(error_of(std::string(kMaxFileSize + 1, '\n')), HasSubstr("larger than 1024 KiB"));
  EXPECT_THAT(error_of(interface_with("# " + std::string(kMaxLineSize, 'x'))),
              HasSubstr("longer than 64 KiB"));
  std::string addresses = "Address =";
  for (std::size_t i = 0; i <= kMaxAddresses; ++i) addresses += " fd00::" + std::to_string(i);
  EXPECT_THAT(error_of(interface_with(addresses)), HasSubstr("more than 256 addresses"));
}

TEST(WgQuickConfig, EveryTruncationIsHandled) {
  for (std::size_t size = 0; size < kServer.size(); ++size) {
    const auto config = parse_config(kServer.substr(0, size));
    if (!config) EXPECT_THAT(config.error().detail, StartsWith("line ")) << size;
  }
}

}  // namespace
}  // namespace warren::wgquick
