#include "proto/uapi/reply.h"

#include <iterator>

#include <fmt/format.h>

#include "base/hex.h"
#include "base/result.h"

namespace warren::uapi {

namespace {

constexpr std::size_t kDeviceSize = 192;    // the lines of a device, at their longest
constexpr std::size_t kPeerSize = 512;      // of a peer without its allowed IPs
constexpr std::size_t kAllowedIpSize = 56;  // allowed_ip=, 39 characters, /128

// Into the buffer that is wiped, without a copy elsewhere.
void append_secret(std::string& out, std::string_view key, ByteView bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out.append(key).push_back('=');
  for (const std::uint8_t byte : bytes) {
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
  out.push_back('\n');
}

void append_peer(std::string& out, const PeerState& peer) {
  auto to = std::back_inserter(out);
  fmt::format_to(to, "public_key={}\n", to_hex(peer.public_key.bytes()));
  append_secret(out, "preshared_key", peer.preshared_key.bytes());
  fmt::format_to(to, "protocol_version=1\n");
  if (peer.endpoint) fmt::format_to(to, "endpoint={}\n", peer.endpoint->to_string());
  const WallTime handshake = peer.last_handshake.value_or(WallTime{});
  fmt::format_to(to, "last_handshake_time_sec={}\nlast_handshake_time_nsec={}\n", handshake.seconds,
                 handshake.nanoseconds);
  fmt::format_to(to, "tx_bytes={}\nrx_bytes={}\npersistent_keepalive_interval={}\n",
                 peer.bytes_sent, peer.bytes_received, peer.persistent_keepalive);
  for (const IpPrefix& prefix : peer.allowed_ips) {
    fmt::format_to(to, "allowed_ip={}\n", prefix.to_string());
  }
}

}  // namespace

std::string encode_get_reply(const DeviceState& device) {
  std::size_t size = kDeviceSize;
  for (const PeerState& peer : device.peers) {
    size += kPeerSize + peer.allowed_ips.size() * kAllowedIpSize;
  }
  std::string out;
  out.reserve(size);  // growing would leave copies of keys behind
  if (!device.private_key.is_zero()) {
    append_secret(out, "private_key", device.private_key.bytes());
  }
  auto to = std::back_inserter(out);
  if (device.listen_port != 0) fmt::format_to(to, "listen_port={}\n", device.listen_port);
  if (device.fw_mark != 0) fmt::format_to(to, "fwmark={}\n", device.fw_mark);
  for (const PeerState& peer : device.peers) append_peer(out, peer);
  out += encode_errno(0);
  WARREN_CHECK(out.size() <= size);
  return out;
}

std::string encode_errno(int error) {
  return fmt::format("errno={}\n\n", -error);
}

}  // namespace warren::uapi
