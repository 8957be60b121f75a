#include "policy/filter.h"

#include <algorithm>
#include <utility>

#include "policy/packet_form.h"

namespace warren::policy {

namespace {

// What a class of addresses is, besides being in rules.
enum Mark : std::uint8_t {
  kOwn = 1,         // destinations: an own address
  kRoute = 2,       // an advertised route
  kInternet = 4,    // a default route
  kOwnNetwork = 8,  // not for those who come by a default route
  kBroadcast = 16,  // all hosts of an advertised route
  kForbidden = 32,  // either side: in no packet of the overlay
  kJailed = 64,     // sources
};

constexpr unsigned k6to4Length = 16;   // RFC 3056: 2002::/16, then the IPv4 address
constexpr unsigned kNat64Length = 96;  // RFC 6052 section 2.1: 64:ff9b::/96, then the IPv4 address

class Entries {
 public:
  void mark(const AddressRange& range, Mark mark) {
    entries_.push_back({.range = range, .member = std::nullopt, .marks = mark});
  }

  void mark(const IpPrefix& prefix, Mark what) { mark(AddressRange::of(prefix), what); }

  // Also where an IPv4 network lies inside IPv6.
  void mark_everywhere(const IpPrefix& prefix, Mark what) {
    mark(prefix, what);
    if (prefix.address().is_v6()) return;
    const auto v4 = prefix.address().bytes();
    std::array<std::uint8_t, 16> in_6to4 = {0x20, 0x02};
    std::ranges::copy(v4, in_6to4.begin() + k6to4Length / 8);
    mark(IpPrefix(IpAddress::v6(in_6to4), k6to4Length + prefix.length()), what);
    std::array<std::uint8_t, 16> in_nat64 = {0x00, 0x64, 0xFF, 0x9B};
    std::ranges::copy(v4, in_nat64.begin() + kNat64Length / 8);
    mark(IpPrefix(IpAddress::v6(in_nat64), kNat64Length + prefix.length()), what);
  }

  void add(const AddressRange& range, std::uint32_t member) {
    entries_.push_back({.range = range, .member = member});
  }

  std::span<const AddressClasses::Entry> view() const { return entries_; }

 private:
  std::vector<AddressClasses::Entry> entries_;
};

// Spec: policy section 7.2, bogons.
void forbid(Entries& out) {
  for (const char* const text : {"0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "255.255.255.255"}) {
    out.mark_everywhere(*IpPrefix::parse(text), kForbidden);
  }
  for (const char* const text : {"::", "::1", "::ffff:0:0/96", "ff00::/8"}) {
    out.mark(*IpPrefix::parse(text), kForbidden);
  }
}

Entries source_entries(const FilterConfig& config) {
  Entries out;
  forbid(out);
  for (const IpAddress& address : config.addresses) {
    out.mark_everywhere(IpPrefix(address, address.bit_length()), kForbidden);
  }
  for (const IpPrefix& prefix : config.jailed) out.mark(prefix, kJailed);
  if (config.shields_up) return out;
  std::uint32_t number = 0;
  for (const FilterRule& rule : config.rules.rules) {
    for (const AddressRange& range : rule.sources) out.add(range, number);
    ++number;
  }
  return out;
}

void add_route(const IpPrefix& route, Entries& out) {
  if (route.length() == 0) {
    out.mark(route, kInternet);
    return;
  }
  out.mark(route, kRoute);
  const bool has_broadcast = route.address().is_v4() && route.length() <= 30;  // RFC 3021: not /31
  if (has_broadcast) {
    out.mark(AddressRange::of(AddressRange::of(route).last), kBroadcast);
  }
}

Entries destination_entries(const FilterConfig& config) {
  Entries out;
  forbid(out);
  for (const IpAddress& address : config.addresses) out.mark(AddressRange::of(address), kOwn);
  for (const IpPrefix& route : config.routes) add_route(route, out);
  for (const IpPrefix& network : config.own_networks) out.mark_everywhere(network, kOwnNetwork);
  if (config.shields_up) return out;
  std::uint32_t number = 0;
  for (const FilterRule& rule : config.rules.rules) {
    for (const FilterDestination& destination : rule.destinations) {
      out.add(destination.addresses, number++);
    }
  }
  return out;
}

Verdict judge_local(std::uint8_t marks) {
  if ((marks & kForbidden) != 0) return Verdict::Bogon;
  if ((marks & kOwn) != 0) return Verdict::Accept;
  if ((marks & kBroadcast) != 0) return Verdict::Multicast;
  if ((marks & kRoute) != 0) return Verdict::Accept;
  const bool is_outside = (marks & kInternet) != 0 && (marks & kOwnNetwork) == 0;
  return is_outside ? Verdict::Accept : Verdict::NotLocal;
}

// Messages between neighbours and routers of one link; the overlay is none.
bool is_about_a_link(const ip::PacketInfo& icmp) {
  const std::uint8_t type = icmp.icmp_type;
  if (icmp.version == ip::kVersion4) {
    return type == ip::icmp_type::kRedirect || type == ip::icmp_type::kRouterAdvertisement ||
           type == ip::icmp_type::kRouterSolicitation;
  }
  return type >= ip::icmp6_type::kRouterSolicitation && type <= ip::icmp6_type::kNeighbourRedirect;
}

bool is_echo_reply(const ip::PacketInfo& icmp) {
  return icmp.icmp_type ==
         (icmp.version == ip::kVersion4 ? ip::icmp_type::kEchoReply : ip::icmp6_type::kEchoReply);
}

}  // namespace

Result<std::shared_ptr<const Filter>> Filter::create(const FilterConfig& config) {
  auto sources = AddressClasses::create(source_entries(config).view());
  auto destinations = AddressClasses::create(destination_entries(config).view());
  if (!sources || !destinations) {
    return fail(Errc::Unsupported,
                "build the packet filter: its rules name too many different sets of addresses");
  }
  RuleMatcher matcher(config.rules.rules, *std::move(sources), *std::move(destinations));
  return std::shared_ptr<const Filter>(new Filter(config, std::move(matcher)));
}

Filter::Filter(const FilterConfig& config, RuleMatcher matcher)
    : matcher_(std::move(matcher)), peer_api_(config.peer_api), shields_up_(config.shields_up) {}

Filter::Place Filter::locate(const ip::PacketInfo& packet) const {
  Place place;
  place.verdict = judge_destination(packet.destination);
  if (place.verdict != Verdict::Accept) return place;
  place.source = matcher_.sources().find(packet.source);
  if ((matcher_.sources().marks(place.source) & kForbidden) != 0) {
    place.verdict = Verdict::Bogon;
    return place;
  }
  place.destination = matcher_.destinations().find(packet.destination);
  place.verdict = judge_local(matcher_.destinations().marks(place.destination));
  return place;
}

bool Filter::is_jailed(const Place& place) const {
  return (matcher_.sources().marks(place.source) & kJailed) != 0;
}

Verdict Filter::refusal(const Place& place, Verdict otherwise) const {
  if (is_jailed(place)) return Verdict::Jailed;
  return shields_up_ ? Verdict::ShieldsUp : otherwise;
}

bool Filter::is_peer_api(const ip::PacketInfo& packet) const {
  return packet.protocol == ip::protocol::kTcp &&
         std::ranges::any_of(peer_api_, [&](const Endpoint& endpoint) {
           return endpoint.port == packet.destination_port &&
                  endpoint.address == packet.destination;
         });
}

Verdict Filter::judge_icmp(const ip::PacketInfo& packet, const Place& place) const {
  if (is_about_a_link(packet)) return Verdict::LinkLocal;
  if (is_echo_reply(packet) || is_icmp_error(packet)) return Verdict::Accept;
  const bool is_allowed = !is_jailed(place) && matcher_.knows(place.source, place.destination);
  return is_allowed ? Verdict::Accept : refusal(place, Verdict::NoRule);
}

Verdict Filter::judge_addresses(const ip::PacketInfo& packet) const {
  return locate(packet).verdict;
}

Verdict Filter::judge_start(const ip::PacketInfo& packet) const {
  const Place place = locate(packet);
  if (place.verdict != Verdict::Accept || is_peer_api(packet)) return place.verdict;
  const bool is_allowed =
      !is_jailed(place) &&
      matcher_.allows(place.source, place.destination, packet.protocol, packet.destination_port);
  if (is_allowed) return Verdict::Accept;
  return refusal(place, has_flow(packet) ? Verdict::NoRule : Verdict::UnknownProtocol);
}

Verdict Filter::judge(const ip::PacketInfo& packet) const {
  if (const Verdict verdict = judge_form(packet); verdict != Verdict::Accept) return verdict;
  const bool may_pass =
      packet.kind == ip::PacketKind::Fragment || packet.protocol == ip::protocol::kTsmp ||
      (packet.protocol == ip::protocol::kTcp && has_flow(packet) && !is_tcp_start(packet));
  if (may_pass) return judge_addresses(packet);
  if (!is_icmp(packet)) return judge_start(packet);
  const Place place = locate(packet);
  return place.verdict == Verdict::Accept ? judge_icmp(packet, place) : place.verdict;
}

}  // namespace warren::policy
