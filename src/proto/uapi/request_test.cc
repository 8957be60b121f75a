#include "proto/uapi/request.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hex.h"

namespace warren::uapi {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

// The example of wireguard.com/xplatform, "Configuration Protocol".
constexpr std::string_view kExample =
    "set=1\n"
    "private_key=e84b5a6d2717c1003a13b431570353dbaca9146cf150c5f8575680feba52027a\n"
    "fwmark=0\n"
    "listen_port=12912\n"
    "replace_peers=true\n"
    "public_key=b85996fecc9c7f1fc6d2572a76eda11d59bcd20be8e543b15ce4bd85a8e75a33\n"
    "preshared_key=188515093e952f5f22e865cef3012e72f8b5f0b598ac0309d5dacce3b70fcf52\n"
    "replace_allowed_ips=true\n"
    "allowed_ip=192.168.4.4/32\n"
    "endpoint=[abcd:23::33%2]:51820\n"
    "public_key=58402e695ba1772b1cc9309755f043251ea77fdcf10fbe63989ceb7e19321376\n"
    "replace_allowed_ips=true\n"
    "allowed_ip=192.168.4.6/32\n"
    "persistent_keepalive_interval=111\n"
    "endpoint=182.122.22.19:3233\n"
    "public_key=662e14fd594556f522604703340351258903b64f35553763f19426ab2a515c58\n"
    "endpoint=5.152.198.39:51820\n"
    "replace_allowed_ips=true\n"
    "allowed_ip=192.168.4.10/32\n"
    "allowed_ip=192.168.4.11/32\n"
    "public_key=e818b58db5274087fcc1be5dc728cf53d3b5726b4cef6b9bab8f8f8c2452c25c\n"
    "remove=true\n"
    "\n";

constexpr std::string_view kPeer =
    "set=1\npublic_key=b85996fecc9c7f1fc6d2572a76eda11d59bcd20be8e543b15ce4bd85a8e75a33\n";

Result<SetRequest, DecodeError> decode_set(std::string_view begin, std::string_view lines) {
  auto request = decode_request(std::string(begin) + std::string(lines) + "\n");
  if (!request) return unexpected(request.error());
  return std::get<SetRequest>(std::move(*request));
}

TEST(UapiRequest, DecodesTheExampleOfTheSpecification) {
  const auto request = decode_request(kExample);
  ASSERT_TRUE(request);
  const auto& set = std::get<SetRequest>(*request);
  EXPECT_EQ(to_hex(set.private_key->bytes()),
            "e84b5a6d2717c1003a13b431570353dbaca9146cf150c5f8575680feba52027a");
  EXPECT_EQ(set.fw_mark, 0U);
  EXPECT_EQ(set.listen_port, 12912);
  EXPECT_TRUE(set.replace_peers);
  ASSERT_THAT(set.peers, SizeIs(4));
  EXPECT_EQ(to_hex(set.peers[0].preshared_key->bytes()),
            "188515093e952f5f22e865cef3012e72f8b5f0b598ac0309d5dacce3b70fcf52");
  EXPECT_EQ(set.peers[0].endpoint,
            (PeerEndpoint{{*IpAddress::parse("abcd:23::33"), 51820, 2}, {}}));
  EXPECT_EQ(set.peers[1].persistent_keepalive, 111);
  EXPECT_TRUE(set.peers[1].replace_allowed_ips);
  EXPECT_THAT(set.peers[2].allowed_ips, ElementsAre(*IpPrefix::parse("192.168.4.10/32"),
                                                    *IpPrefix::parse("192.168.4.11/32")));
  EXPECT_FALSE(set.peers[2].remove);
  EXPECT_TRUE(set.peers[3].remove);
}

TEST(UapiRequest, DecodesGet) {
  const auto request = decode_request("get=1\n\n");
  ASSERT_TRUE(request);
  EXPECT_TRUE(std::holds_alternative<GetRequest>(*request));
}

TEST(UapiRequest, KeepsTheNameOfAZone) {
  const auto set = decode_set(kPeer, "endpoint=[fe80::1%eth0]:51820\n");
  ASSERT_TRUE(set);
  EXPECT_EQ(set->peers[0].endpoint,
            (PeerEndpoint{{*IpAddress::parse("fe80::1"), 51820, 0}, "eth0"}));
}

TEST(UapiRequest, LeavesAbsentFieldsAlone) {
  const auto set = decode_set("set=1\n", "");
  ASSERT_TRUE(set);
  EXPECT_FALSE(set->private_key || set->listen_port || set->fw_mark || set->replace_peers);
  const auto peer = decode_set(kPeer, "update_only=true\nprotocol_version=1\n");
  ASSERT_TRUE(peer);
  EXPECT_TRUE(peer->peers[0].update_only);
  EXPECT_FALSE(peer->peers[0].preshared_key || peer->peers[0].endpoint);
}

TEST(UapiRequest, RejectsUnknownKeysAndBadValues) {
  for (const std::string_view line :
       {"listen_port=65536", "listen_port=-1", "listen_port=", "fwmark=0x1", "fwmark=4294967296",
        "private_key=00", "replace_peers=false", "unknown=1", "remove=true", "allowed_ip=::/0", "",
        "listen_port", "get=1", "errno=0"}) {
    EXPECT_EQ(decode_set("set=1\n", std::string(line) + "\n").error(), DecodeError::BadValue)
        << line;
  }
  for (const std::string_view line :
       {"listen_port=1", "private_key=00", "remove=false", "update_only=1",
        "allowed_ip=10.0.0.0/33", "allowed_ip=", "endpoint=example.org:1", "endpoint=[::1%]:1",
        "endpoint=192.0.2.1", "endpoint=[fe80::1%sixteen-letters-]:1",
        "persistent_keepalive_interval=65536", "protocol_version=2", "preshared_key=zz",
        "public_key=00"}) {
    EXPECT_EQ(decode_set(kPeer, std::string(line) + "\n").error(), DecodeError::BadValue) << line;
  }
}

TEST(UapiRequest, RejectsOtherOperations) {
  for (const std::string_view text : {"\n\n", "get=2\n\n", "set=2\n\n", "GET / HTTP/1.1\r\n\n\n"}) {
    EXPECT_EQ(decode_request(text).error(), DecodeError::NotThisMessage) << text;
  }
}

TEST(UapiRequest, RejectsEveryTruncation) {
  for (std::size_t size = 0; size < kExample.size(); ++size) {
    EXPECT_FALSE(decode_request(kExample.substr(0, size))) << size;
    EXPECT_FALSE(request_size(kExample.substr(0, size))) << size;
  }
}

TEST(UapiRequest, FindsTheEndOfTheFirstRequest) {
  const std::string two = std::string(kExample) + "get=1\n\n";
  EXPECT_EQ(request_size(two), kExample.size());
  EXPECT_EQ(request_size(two.substr(kExample.size())), 7U);
  EXPECT_EQ(request_size("\n"), 1U);
}

}  // namespace
}  // namespace warren::uapi
