#include "proto/uapi/reply.h"

#include <cerrno>

#include <gtest/gtest.h>

#include "base/hex.h"

namespace warren::uapi {
namespace {

std::array<std::uint8_t, kKeySize> bytes_of(std::uint8_t value) {
  std::array<std::uint8_t, kKeySize> out{};
  out.fill(value);
  return out;
}

// The key names and their order are those of wireguard.com/xplatform's example answer.
TEST(UapiReply, EncodesEveryField) {
  DeviceState device;
  device.private_key = NodePrivateKey(bytes_of(0x11));
  device.listen_port = 51820;
  device.fw_mark = 51;
  PeerState& peer = device.peers.emplace_back();
  peer.public_key = NodePublicKey(bytes_of(0x22));
  peer.preshared_key = PresharedKey(bytes_of(0xAB));
  peer.endpoint = Endpoint{*IpAddress::parse("fe80::1"), 1234, 3};
  peer.persistent_keepalive = 25;
  peer.allowed_ips = {*IpPrefix::parse("10.0.0.0/8"), *IpPrefix::parse("::/0")};
  peer.last_handshake = WallTime{1700000000, 5};
  peer.bytes_sent = 7;
  peer.bytes_received = 8;
  EXPECT_EQ(encode_get_reply(device),
            "private_key=" + to_hex(bytes_of(0x11)) +
                "\nlisten_port=51820\nfwmark=51\npublic_key=" + to_hex(bytes_of(0x22)) +
                "\npreshared_key=" + to_hex(bytes_of(0xAB)) +
                "\nprotocol_version=1\n"
                "endpoint=[fe80::1%3]:1234\n"
                "last_handshake_time_sec=1700000000\n"
                "last_handshake_time_nsec=5\n"
                "tx_bytes=7\nrx_bytes=8\n"
                "persistent_keepalive_interval=25\n"
                "allowed_ip=10.0.0.0/8\nallowed_ip=::/0\n"
                "errno=0\n\n");
}

TEST(UapiReply, LeavesOutWhatAnEmptyDeviceLacks) {
  EXPECT_EQ(encode_get_reply(DeviceState{}), "errno=0\n\n");
}

TEST(UapiReply, HoldsTheLongestPeers) {
  DeviceState device;
  PeerState peer;
  peer.endpoint =
      Endpoint{*IpAddress::parse("1111:2222:3333:4444:5555:6666:7777:8888"), 65535, UINT32_MAX};
  peer.persistent_keepalive = UINT64_MAX;
  peer.allowed_ips.assign(9, *IpPrefix::parse("1111:2222:3333:4444:5555:6666:7777:8888"));
  peer.last_handshake = WallTime{INT64_MIN, UINT32_MAX};
  peer.bytes_sent = peer.bytes_received = UINT64_MAX;
  device.private_key = NodePrivateKey(bytes_of(1));
  device.listen_port = UINT16_MAX;
  device.fw_mark = UINT32_MAX;
  device.peers.push_back(std::move(peer));
  EXPECT_TRUE(encode_get_reply(device).ends_with("errno=0\n\n"));
}

TEST(UapiReply, EncodesErrorsAsNegativeNumbers) {
  EXPECT_EQ(encode_errno(0), "errno=0\n\n");
  EXPECT_EQ(encode_errno(EINVAL), "errno=-22\n\n");
}

}  // namespace
}  // namespace warren::uapi
