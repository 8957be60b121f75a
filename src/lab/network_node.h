#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lab/drop_reason.h"
#include "lab/firewall.h"
#include "lab/link.h"
#include "lab/nat.h"
#include "lab/network.h"
#include "lab/packet.h"
#include "lab/routes.h"

namespace warren::lab {

// One direction of a node's uplink.
class LinkWay {
 public:
  LinkWay(const LinkQuality& quality, std::uint64_t seed) : link_(quality, seed) {}

  void set_quality(const LinkQuality& quality) { link_.set_quality(quality); }

  // Carries at once and loses nothing: packets need not be copied.
  bool is_ideal() const { return link_.quality() == LinkQuality{}; }

  // Treats packets apart, so a super-packet must not pass as one.
  bool tells_packets_apart() const {
    const LinkQuality& quality = link_.quality();
    return quality.rate_bits_per_second > 0 || quality.loss_percent > 0 ||
           quality.duplicate_percent > 0 || quality.reorder_percent > 0 ||
           (quality.jitter > 0ns && !quality.keeps_order);
  }

  Link& link() { return link_; }

 private:
  Link link_;
};

struct Network::Node {
  Node(NodeIndex node_index,
       std::string node_name,
       const Uplink& uplink,
       const FirewallConfig& filter,
       std::uint64_t seed);

  NodeIndex index;
  std::string name;
  bool is_router = false;
  Node* above = nullptr;  // null: it is the router at the top
  LinkWay up;
  LinkWay down;
  LinkState link_state = LinkState::Up;
  std::uint32_t mtu;  // of the uplink
  std::vector<IpAddress> addresses;
  std::vector<IpPrefix> prefixes;  // a host's routes

  // Of a router.
  std::unique_ptr<Nat> nat;         // may be null
  std::vector<IpAddress> external;  // the NAT's
  Firewall firewall;
  bool sends_icmp = true;
  Routes below;

  NodeCounters counters{};

  LinkWay& way(Way which) { return which == Way::Up ? up : down; }

  void drop(Drop reason, std::uint64_t packets) {
    counters.drops[std::to_underlying(reason)] += packets;
  }

  void drop(Drop reason, const Packet& packet) { drop(reason, packet.segment_count()); }

  bool translates(const IpAddress& address) const {
    return nat != nullptr && external.front().is_v6() == address.is_v6();
  }

  bool has(const IpAddress& address) const;
};

}  // namespace warren::lab
