#include "lab/topology_fields.h"

#include <algorithm>
#include <utility>

namespace warren::lab {

namespace {

constexpr std::uint32_t kMinMtu = 576;  // RFC 791: every host takes as much

void check_percent(const json::ObjectReader& visit, std::string_view name, double percent) {
  visit.check(name, percent >= 0 && percent <= 100, "expected 0 to 100");
}

void uplink_fields(json::ObjectReader& visit, Uplink& x) {
  LinkQuality both;
  visit("behind", x.behind);
  visit("link", both);
  x.up = x.down = both;
  visit("up", x.up);
  visit("down", x.down);
  visit("mtu", x.mtu);
  visit.check("mtu", x.mtu >= kMinMtu && x.mtu <= 65535, "expected 576 to 65535");
}

}  // namespace

std::span<const json::EnumText<Dependence>> texts_of(Dependence) {
  static constexpr json::EnumText<Dependence> kTexts[] = {
      {"endpoint_independent", Dependence::EndpointIndependent},
      {"address", Dependence::Address},
      {"address_and_port", Dependence::AddressAndPort},
  };
  return kTexts;
}

std::span<const json::EnumText<PortChoice>> texts_of(PortChoice) {
  static constexpr json::EnumText<PortChoice> kTexts[] = {
      {"preserve", PortChoice::Preserve},
      {"preserve_parity", PortChoice::PreserveParity},
      {"sequential_global", PortChoice::SequentialGlobal},
      {"sequential_per_host", PortChoice::SequentialPerHost},
      {"random", PortChoice::Random},
  };
  return kTexts;
}

std::span<const json::EnumText<Pooling>> texts_of(Pooling) {
  static constexpr json::EnumText<Pooling> kTexts[] = {
      {"paired", Pooling::Paired},
      {"arbitrary", Pooling::Arbitrary},
  };
  return kTexts;
}

std::span<const json::EnumText<Hairpin>> texts_of(Hairpin) {
  static constexpr json::EnumText<Hairpin> kTexts[] = {
      {"off", Hairpin::Off},
      {"internal_source", Hairpin::InternalSource},
      {"external_source", Hairpin::ExternalSource},
  };
  return kTexts;
}

std::span<const json::EnumText<Refresh>> texts_of(Refresh) {
  static constexpr json::EnumText<Refresh> kTexts[] = {
      {"outbound", Refresh::Outbound},
      {"inbound", Refresh::Inbound},
      {"both", Refresh::Both},
  };
  return kTexts;
}

std::span<const json::EnumText<Block>> texts_of(Block) {
  static constexpr json::EnumText<Block> kTexts[] = {
      {"nothing", Block::Nothing},
      {"udp", Block::Udp},
      {"udp_except_stun", Block::UdpExceptStun},
      {"all_but_tcp_port_443", Block::AllButTcpPort443},
      {"all_but_web", Block::AllButWeb},
  };
  return kTexts;
}

std::span<const json::EnumText<Protocol>> texts_of(Protocol) {
  static constexpr json::EnumText<Protocol> kTexts[] = {
      {"udp", Protocol::Udp},
      {"tcp", Protocol::Tcp},
  };
  return kTexts;
}

std::span<const json::EnumText<LinkState>> texts_of(LinkState) {
  static constexpr json::EnumText<LinkState> kTexts[] = {
      {"up", LinkState::Up},
      {"down", LinkState::Down},
  };
  return kTexts;
}

std::string_view to_string(Block block) {
  for (const auto& [text, value] : texts_of(block)) {
    if (value == block) return text;
  }
  std::unreachable();
}

std::optional<InterfaceAddress> parse_interface_address(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto prefix = IpPrefix::parse(text);
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!prefix || !address) return std::nullopt;
  return InterfaceAddress{*address, prefix->length()};
}

void read(const boost::json::value& from, InterfaceAddress& to, const json::Place& place) {
  const auto address = from.is_string() ? parse_interface_address(from.get_string()) : std::nullopt;
  if (!address) return place.expected("an address with a length such as \"192.0.2.1/24\"");
  to = *address;
}

void fields(json::ObjectReader& visit, LinkQuality& x) {
  visit("delay", x.delay);
  visit("jitter", x.jitter);
  visit("keeps_order", x.keeps_order);
  visit("loss_percent", x.loss_percent);
  visit("loss_burst", x.loss_burst);
  visit("duplicate_percent", x.duplicate_percent);
  visit("reorder_percent", x.reorder_percent);
  visit("reorder_delay", x.reorder_delay);
  visit("rate_bits_per_second", x.rate_bits_per_second);
  visit("queue", x.queue);
  check_percent(visit, "loss_percent", x.loss_percent);
  check_percent(visit, "duplicate_percent", x.duplicate_percent);
  check_percent(visit, "reorder_percent", x.reorder_percent);
  visit.check("loss_burst", x.loss_burst > 0, "expected at least 1");
}

std::string_view why_not_external(const std::vector<IpAddress>& addresses) {
  if (addresses.empty()) return "expected at least one address";
  const bool is_v6 = addresses.front().is_v6();
  const bool is_mixed =
      std::ranges::any_of(addresses, [&](const auto& a) { return a.is_v6() != is_v6; });
  return is_mixed ? "expected addresses of one family" : "";
}

void fields(json::ObjectReader& visit, PortForward& x) {
  visit("protocol", x.protocol);
  visit.required("port", x.port);
  visit.required("to", x.to.address);
  x.to.port = x.port;
  visit("to_port", x.to.port);
  visit.check("port", x.port > 0, "expected 1 to 65535");
  visit.check("to_port", x.to.port > 0, "expected 1 to 65535");
}

std::string_view why_not_forwards(const std::vector<PortForward>& forwards) {
  for (auto one = forwards.begin(); one != forwards.end(); ++one) {
    const auto clashes = [&](const PortForward& other) {
      return other.protocol == one->protocol && (other.port == one->port || other.to == one->to);
    };
    if (std::any_of(one + 1, forwards.end(), clashes)) {
      return "expected each port, and each endpoint that one leads to, once";
    }
  }
  return "";
}

void fields(json::ObjectReader& visit, NatConfig& x) {
  visit.required("external", x.external);
  visit("mapping", x.mapping);
  visit("filtering", x.filtering);
  visit("ports", x.ports);
  visit("pooling", x.pooling);
  visit("hairpin", x.hairpin);
  visit("refresh", x.refresh);
  visit("first_port", x.first_port);
  visit("last_port", x.last_port);
  visit("ports_per_host", x.ports_per_host);
  visit("sessions_per_host", x.sessions_per_host);
  visit("max_sessions", x.max_sessions);
  visit("forwards", x.forwards);
  visit("udp_timeout", x.udp_timeout);
  visit("udp_unreplied_timeout", x.udp_unreplied_timeout);
  visit("tcp_timeout", x.tcp_timeout);
  visit("tcp_transitory_timeout", x.tcp_transitory_timeout);
  visit("icmp_timeout", x.icmp_timeout);
  const bool is_v6 = !x.external.empty() && x.external.front().is_v6();
  visit.check(
      "forwards",
      std::ranges::all_of(x.forwards, [&](const auto& f) { return f.to.address.is_v6() == is_v6; }),
      "expected endpoints of the external addresses' family");
  const std::string_view why_no_forwards = why_not_forwards(x.forwards);
  visit.check("forwards", why_no_forwards.empty(), why_no_forwards);
  const std::string_view why_not = why_not_external(x.external);
  visit.check("external", why_not.empty(), why_not);
  visit.check("last_port", x.first_port > 0 && x.first_port <= x.last_port,
              "expected 1 <= first_port <= last_port");
}

void fields(json::ObjectReader& visit, FirewallConfig& x) {
  visit("is_stateful", x.is_stateful);
  visit("block", x.block);
  visit("max_sessions", x.max_sessions);
  visit("udp_timeout", x.udp_timeout);
  visit("udp_unreplied_timeout", x.udp_unreplied_timeout);
  visit("tcp_timeout", x.tcp_timeout);
  visit("tcp_transitory_timeout", x.tcp_transitory_timeout);
  visit("icmp_timeout", x.icmp_timeout);
}

void fields(json::ObjectReader& visit, HostConfig& x) {
  uplink_fields(visit, x.uplink);
  visit.required("network", x.network);
  visit("interface", x.interface);
  visit.required("addresses", x.addresses);
  visit("routes", x.routes);
  visit("default_route", x.default_route);
  visit("metric", x.metric);
}

void fields(json::ObjectReader& visit, RouterConfig& x) {
  uplink_fields(visit, x.uplink);
  visit("addresses", x.addresses);
  visit("nat", x.nat);
  visit("firewall", x.firewall);
  visit("sends_icmp", x.sends_icmp);
}

void fields(json::ObjectReader& visit, Topology& x) {
  visit("seed", x.seed);
  visit.required("routers", x.routers);
  visit.required("hosts", x.hosts);
  visit("max_delayed_bytes", x.max_delayed_bytes);
}

}  // namespace warren::lab
