#include "proto/uapi/request.h"

#include <algorithm>
#include <charconv>

#include "base/hex.h"

namespace warren::uapi {

namespace {

template <class T>
bool parse_number(std::string_view text, std::optional<T>& out) {
  T value = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || at != text.data() + text.size()) return false;
  out = value;
  return true;
}

bool parse_true(std::string_view text, bool& out) {
  out = text == "true";
  return out;
}

bool parse_key(std::string_view text, Secret<kKeySize>& out) {
  return parse_hex(text, out.mutable_bytes());
}

// As Endpoint::parse, but the zone may be a name: `wg` prints addresses with getnameinfo(3).
bool parse_endpoint(std::string_view text, std::optional<PeerEndpoint>& out) {
  constexpr std::size_t kMaxZoneSize = 15;  // an interface name
  std::string without_zone(text);
  std::string zone;
  const std::size_t percent = text.find('%');
  const std::size_t bracket = text.find(']');
  if (percent != std::string_view::npos && bracket != std::string_view::npos && percent < bracket &&
      !Endpoint::parse(text)) {
    zone = text.substr(percent + 1, bracket - percent - 1);
    if (zone.empty() || zone.size() > kMaxZoneSize) return false;
    without_zone.erase(percent, bracket - percent);
  }
  const auto endpoint = Endpoint::parse(without_zone);
  if (!endpoint) return false;
  out = PeerEndpoint{*endpoint, std::move(zone)};
  return true;
}

bool begin_peer(std::string_view value, SetRequest& out) {
  std::array<std::uint8_t, kKeySize> bytes{};
  if (!parse_hex(value, bytes)) return false;
  out.peers.emplace_back().public_key = NodePublicKey(bytes);
  return true;
}

bool set_device(std::string_view key, std::string_view value, SetRequest& out) {
  if (key == "private_key") {
    Secret<kKeySize> bytes;
    if (!parse_key(value, bytes)) return false;
    out.private_key = NodePrivateKey(bytes.bytes());
    return true;
  }
  if (key == "listen_port") return parse_number(value, out.listen_port);
  if (key == "fwmark") return parse_number(value, out.fw_mark);
  if (key == "replace_peers") return parse_true(value, out.replace_peers);
  return false;
}

bool set_peer(std::string_view key, std::string_view value, SetPeer& out) {
  if (key == "remove") return parse_true(value, out.remove);
  if (key == "update_only") return parse_true(value, out.update_only);
  if (key == "replace_allowed_ips") return parse_true(value, out.replace_allowed_ips);
  if (key == "preshared_key") return parse_key(value, out.preshared_key.emplace());
  if (key == "endpoint") return parse_endpoint(value, out.endpoint);
  if (key == "persistent_keepalive_interval") {
    return parse_number(value, out.persistent_keepalive);
  }
  if (key == "allowed_ip") {
    const auto prefix = IpPrefix::parse(value);
    if (prefix) out.allowed_ips.push_back(*prefix);
    return prefix.has_value();
  }
  return key == "protocol_version" && value == "1";
}

}  // namespace

std::optional<std::size_t> request_size(std::string_view received) {
  if (received.starts_with('\n')) return 1;
  const std::size_t end = received.find("\n\n");
  if (end == std::string_view::npos) return std::nullopt;
  return end + 2;
}

Result<Request, DecodeError> decode_request(std::string_view text) {
  if (text.size() > kMaxRequestSize) return unexpected(DecodeError::BadLength);
  if (!text.ends_with("\n\n")) return unexpected(DecodeError::Truncated);
  text.remove_suffix(1);
  if (text == "get=1\n") return GetRequest{};
  constexpr std::string_view kSet = "set=1\n";
  if (!text.starts_with(kSet)) return unexpected(DecodeError::NotThisMessage);
  text.remove_prefix(kSet.size());

  SetRequest out;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) return unexpected(DecodeError::BadValue);
    const std::string_view key = line.substr(0, equals);
    const std::string_view value = line.substr(equals + 1);
    const bool done = key == "public_key" ? begin_peer(value, out)
                      : out.peers.empty() ? set_device(key, value, out)
                                          : set_peer(key, value, out.peers.back());
    if (!done) return unexpected(DecodeError::BadValue);
  }
  return out;
}

}  // namespace warren::uapi
