#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/result.h"
#include "node/core/network_map.h"
#include "proto/control/codec.h"

// A small network made to order, for tests only: we are node 1, peers are 2 and 3.
namespace warren::node::testing {

inline constexpr WallTime kNow{.seconds = 1'795'251'600};  // 2026-11-21, 09:00

inline IpPrefix prefix(std::string_view text) {
  const auto parsed = IpPrefix::parse(text);
  WARREN_CHECK(parsed.has_value());
  return *parsed;
}

template <class Key>
Key key(std::uint8_t fill) {
  std::array<std::uint8_t, kKeySize> bytes{};
  bytes.fill(fill);
  return Key(bytes);
}

inline control::Node node(std::uint8_t number) {
  control::Node out;
  out.id = {number};
  out.stable_id = fmt::format("stable{}", number);
  out.name = fmt::format("n{}.net.example.", number);
  out.user = {1};
  out.key = key<NodePublicKey>(number);
  out.disco_key = key<DiscoPublicKey>(static_cast<std::uint8_t>(number + 100));
  out.addresses = {prefix(fmt::format("100.64.0.{}/32", number)),
                   prefix(fmt::format("fd7a:115c:a1e0::{}/128", number))};
  out.endpoints = {*Endpoint::parse(fmt::format("192.0.2.{}:41641", number))};
  out.home_derp = {901};
  out.hostinfo.emplace();
  out.hostinfo->os = "linux";
  out.hostinfo->hostname = fmt::format("Host-{}", number);
  out.online = true;
  out.machine_authorized = true;
  return out;
}

inline MapNews message(std::string_view json, bool is_first) {
  auto decoded = control::decode<control::MapResponse>(json);
  WARREN_CHECK(decoded.has_value());
  return {.map = *std::move(decoded), .is_first = is_first};
}

inline MapNews first_message() {
  MapNews out = message(
      R"({"Domain":"example.org",
          "DERPMap":{"Regions":{"901":{"RegionID":901,"RegionCode":"one","RegionName":"Region One","Nodes":[]}}},
          "DNSConfig":{"Domains":["net.example"],"Proxied":true},
          "PacketFilter":[{"SrcIPs":["*"],"DstPorts":[{"IP":"*","Ports":{"First":0,"Last":65535}}]}],
          "UserProfiles":[{"ID":1,"LoginName":"alice@example.org","DisplayName":"Alice"}]})",
      true);
  out.map.node = node(1);
  out.map.peers = {node(2), node(3)};
  return out;
}

inline NetworkMap network() {
  NetworkMap out;
  out.apply(first_message(), kNow);
  return out;
}

}  // namespace warren::node::testing
