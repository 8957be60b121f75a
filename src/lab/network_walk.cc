#include <algorithm>

#include "lab/network.h"
#include "lab/network_node.h"
#include "tunnel/splitter.h"

// How a packet walks through the tree.
namespace warren::lab {

namespace {

// RFC 7600 section 4.8: the source of ICMP errors of a router without an IPv4 address.
constexpr IpAddress kDummyAddress = IpAddress::v4({192, 0, 0, 8});

// Whether the rules for what is not translated let it pass.
bool passes(Firewall& firewall, Way way, const Packet& packet, TimePoint now) {
  if (is_icmp_error(packet.info)) {
    if (way == Way::Up || !firewall.config().is_stateful) return true;
    const auto quoted = quoted_flow(packet);
    return quoted && firewall.knows(*quoted, now);
  }
  const auto flow = flow_of(packet);
  if (!flow) {
    return !firewall.config().is_stateful && firewall.config().block == Block::Nothing;
  }
  const TcpEvent event = tcp_event_of(packet);
  return way == Way::Up ? firewall.outbound(*flow, event, now)
                        : firewall.inbound(*flow, event, now);
}

// At a host, whose link may be blocked: most packets need not be looked at.
bool passes_block(Firewall& firewall, Way way, const Packet& packet, TimePoint now) {
  return firewall.config().block == Block::Nothing || passes(firewall, way, packet, now);
}

}  // namespace

void Network::on_packet(NodeIndex host,
                        const virtio::NetHeader& header,
                        MutableByteView bytes,
                        TimePoint now) {
  Node& node = *nodes_[host];
  auto packet = read_packet(header, bytes);
  if (!packet) return node.drop(Drop::BadPacket, 1);
  node.counters.sent += packet->segment_count();
  if (packet->info.destination.is_multicast()) return node.drop(Drop::Multicast, *packet);
  if (!node.has(packet->info.source)) return node.drop(Drop::ForeignSource, *packet);
  if (!passes_block(node.firewall, Way::Up, *packet, now)) {
    return node.drop(Drop::Firewall, *packet);
  }
  cross(node, Way::Up, *packet, now);
}

TimePoint Network::next_timeout() const {
  return delayed_.next();
}

void Network::on_timeout(TimePoint now) {
  while (auto entry = delayed_.pop(now)) {
    const Arrival& arrival = entry->destination;
    auto packet = read_packet(arrival.header, entry->bytes);
    if (packet) arrive(*nodes_[arrival.below], arrival.way, *packet, entry->at);
  }
}

void Network::cross(Node& below, Way way, Packet& packet, TimePoint now) {
  if (below.link_state == LinkState::Down) return below.drop(Drop::LinkDown, packet);
  if (packet.largest_segment() > below.mtu) {
    below.drop(Drop::TooBig, packet);
    Node& sender = way == Way::Up ? below : *below.above;
    if (sender.is_router) answer(sender, packet, IcmpError::TooBig, below.mtu, now);
    return;
  }
  if (packet.is_super() && below.way(way).tells_packets_apart()) {
    split(below, way, packet, now);
  } else {
    carry(below, way, packet, now);
  }
}

void Network::split(Node& below, Way way, const Packet& packet, TimePoint now) {
  auto splitter = tunnel::Splitter::create(packet.header, packet.bytes);
  if (!splitter) return below.drop(Drop::BadPacket, packet);
  while (!splitter->done()) {
    const std::size_t size = splitter->next(segment_);
    auto segment = read_packet({}, MutableByteView(segment_).first(size));
    if (!segment) return below.drop(Drop::BadPacket, splitter->remaining() + 1);
    carry(below, way, *segment, now);
  }
}

void Network::carry(Node& below, Way way, Packet& packet, TimePoint now) {
  LinkWay& direction = below.way(way);
  if (direction.is_ideal()) return arrive(below, way, packet, now);
  Link& link = direction.link();
  const std::uint64_t overflowed = link.overflowed();
  const auto arrivals = link.carry(packet.bytes.size(), now);
  if (arrivals.empty()) {
    const bool was_full = link.overflowed() != overflowed;
    return below.drop(was_full ? Drop::LinkOverflow : Drop::LinkLoss, packet);
  }
  if (arrivals.size() == 1 && arrivals.front() <= now) return arrive(below, way, packet, now);
  for (const TimePoint at : arrivals) {
    if (!delayed_.push(at, {below.index, way, packet.header}, packet.bytes)) {
      below.drop(Drop::DelayedFull, packet);
    }
  }
}

void Network::arrive(Node& below, Way way, Packet& packet, TimePoint now) {
  if (way == Way::Up) return from_below(*below.above, packet, now);
  below.counters.received += packet.segment_count();
  if (below.is_router) return from_above(below, packet, now);
  if (!passes_block(below.firewall, Way::Down, packet, now)) {
    return below.drop(Drop::Firewall, packet);
  }
  if (!sink_.deliver(below.index, packet.header, packet.bytes))
    below.drop(Drop::DeviceRefused, packet);
}

bool Network::hop(Node& router, Packet& packet, TimePoint now) {
  if (decrement_ttl(packet)) return true;
  router.drop(Drop::TtlExceeded, packet);
  answer(router, packet, IcmpError::TimeExceeded, 0, now);
  return false;
}

void Network::from_below(Node& router, Packet& packet, TimePoint now) {
  const IpAddress& to = packet.info.destination;
  if (std::ranges::find(router.addresses, to) != router.addresses.end()) {
    return router.drop(Drop::ToRouter, packet);
  }
  const bool is_below = router.below.find(to).has_value();
  if (!is_below && router.above == nullptr) return router.drop(Drop::NoRoute, packet);
  if (!hop(router, packet, now)) return;
  if (is_below) return go_down(router, packet, now);
  if (router.translates(to)) return leave_through_nat(router, packet, now);
  if (!passes(router.firewall, Way::Up, packet, now)) return router.drop(Drop::Firewall, packet);
  router.counters.sent += packet.segment_count();
  cross(router, Way::Up, packet, now);
}

void Network::from_above(Node& router, Packet& packet, TimePoint now) {
  if (!hop(router, packet, now)) return;
  if (router.translates(packet.info.destination)) return enter_through_nat(router, packet, now);
  if (!passes(router.firewall, Way::Down, packet, now)) return router.drop(Drop::Firewall, packet);
  go_down(router, packet, now);
}

void Network::go_down(Node& router, Packet& packet, TimePoint now) {
  const IpAddress& to = packet.info.destination;
  const auto next = router.below.find(to);
  if (next) return cross(*nodes_[*next], Way::Down, packet, now);
  const bool is_own = std::ranges::find(router.addresses, to) != router.addresses.end();
  router.drop(is_own ? Drop::ToRouter : Drop::NoRoute, packet);
}

void Network::leave_through_nat(Node& router, Packet& packet, TimePoint now) {
  if (is_icmp_error(packet.info)) return leave_as_error(router, packet, now);
  const auto flow = flow_of(packet);
  if (!flow) return router.drop(Drop::NotTranslatable, packet);
  if (!router.firewall.is_allowed(*flow, Direction::Outbound)) {
    return router.drop(Drop::Firewall, packet);
  }
  const NatVerdict verdict = router.nat->outbound(*flow, tcp_event_of(packet), now);
  if (!verdict.flow) return router.drop(to_drop(verdict.reason), packet);
  rewrite(packet, *flow, *verdict.flow);
  if (verdict.to_inside) return go_down(router, packet, now);
  router.counters.sent += packet.segment_count();
  cross(router, Way::Up, packet, now);
}

void Network::enter_through_nat(Node& router, Packet& packet, TimePoint now) {
  if (is_icmp_error(packet.info)) return enter_as_error(router, packet, now);
  const auto flow = flow_of(packet);
  if (!flow) return router.drop(Drop::NotTranslatable, packet);
  if (!router.firewall.is_allowed(*flow, Direction::Inbound)) {
    return router.drop(Drop::Firewall, packet);
  }
  const NatVerdict verdict = router.nat->inbound(*flow, tcp_event_of(packet), now);
  if (!verdict.flow) return router.drop(to_drop(verdict.reason), packet);
  rewrite(packet, *flow, *verdict.flow);
  go_down(router, packet, now);
}

// What the error quotes came in through a session of the host inside, and is quoted as it arrived
// there: the session backwards says how it was outside (RFC 5508 REQ-5).
void Network::leave_as_error(Node& router, Packet& error, TimePoint now) {
  const auto quoted = quoted_flow(error);
  if (!quoted) return router.drop(Drop::NotTranslatable, error);
  const Flow backwards{quoted->protocol, quoted->destination, quoted->source};
  const NatVerdict verdict = router.nat->outbound(backwards, TcpEvent::None, now);
  if (!verdict.flow) return router.drop(to_drop(verdict.reason), error);
  if (verdict.to_inside) return router.drop(Drop::NatNoHairpin, error);
  const Flow outside{quoted->protocol, verdict.flow->destination, verdict.flow->source};
  rewrite_error(error, *quoted, outside, outside.destination.address, error.info.destination);
  router.counters.sent += 1;
  cross(router, Way::Up, error, now);
}

// RFC 5508 REQ-4
void Network::enter_as_error(Node& router, Packet& error, TimePoint now) {
  const auto quoted = quoted_flow(error);
  if (!quoted) return router.drop(Drop::NotTranslatable, error);
  const auto original = router.nat->original_of(*quoted, now);
  if (!original) return router.drop(Drop::NatNoMapping, error);
  rewrite_error(error, *quoted, *original, error.info.source, original->source.address);
  go_down(router, error, now);
}

void Network::answer(
    Node& router, const Packet& offending, IcmpError error, std::uint32_t mtu, TimePoint now) {
  if (!router.sends_icmp || !may_be_answered(offending)) return;
  const bool is_v6 = offending.info.version == ip::kVersion6;
  const auto own =
      std::ranges::find_if(router.addresses, [&](const auto& a) { return a.is_v6() == is_v6; });
  IpAddress source = kDummyAddress;
  if (router.translates(offending.info.destination) &&
      router.nat->is_external(offending.info.destination)) {
    source = offending.info.destination;
  } else if (own != router.addresses.end()) {
    source = *own;
  } else if (is_v6) {
    return;
  }
  ByteView quoted = offending.bytes;
  if (offending.is_super()) {  // as its first segment
    auto splitter = tunnel::Splitter::create(offending.header, offending.bytes);
    if (!splitter) return;
    quoted = ByteView(segment_).first(splitter->next(segment_));
  }
  const std::size_t size = write_icmp_error(error, mtu, source, quoted, error_);
  auto packet = read_packet({}, MutableByteView(error_).first(size));
  if (packet) send_error(router, *packet, now);
}

// An error of the router's own about a packet that it may have translated already.
void Network::send_error(Node& router, Packet& error, TimePoint now) {
  const IpAddress& to = error.info.destination;
  if (router.below.find(to)) return go_down(router, error, now);
  if (router.above == nullptr) return router.drop(Drop::NoRoute, error);
  if (router.translates(to)) {
    if (router.nat->is_external(to)) return enter_as_error(router, error, now);
    if (!router.nat->is_external(error.info.source)) return leave_as_error(router, error, now);
  }
  cross(router, Way::Up, error, now);
}

}  // namespace warren::lab
