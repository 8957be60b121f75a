#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "base/ip_address.h"
#include "proto/control/node.h"

namespace warren::node {

// Which peer has a key, an address or a subnet when several claim it, as no honest server lets
// them. A key is the peer's with the lowest id. A prefix is that of a peer which calls it its own
// address, before those that only route it; among equals again the lowest id.
class PeerClaims {
 public:
  // The peers whose share changed because another one's claims did are put into `affected`.
  void add(const control::Node& peer, std::set<control::NodeId>& affected);
  // As it was added.
  void remove(const control::Node& peer, std::set<control::NodeId>& affected);

  std::optional<control::NodeId> owner(const NodePublicKey& key) const;
  // Of exactly this prefix, not of one around it.
  std::optional<control::NodeId> owner(const IpPrefix& prefix) const;
  // Who calls it its own address.
  std::optional<control::NodeId> owner(const IpAddress& address) const;

  std::size_t size() const { return prefixes_.size(); }

  // Claims that met an older one since the start.
  std::uint64_t contested() const { return contested_; }

 private:
  using Claim = std::tuple<IpPrefix, bool, control::NodeId>;  // the bool: a route

  std::set<Claim> prefixes_;
  std::set<std::pair<NodePublicKey, control::NodeId>> keys_;
  std::uint64_t contested_ = 0;
};

// What a node calls its own addresses; anything else among its allowed IPs is a subnet that it
// routes.
class OwnAddresses {
 public:
  explicit OwnAddresses(const control::Node& node);

  bool contain(const IpPrefix& prefix) const;

 private:
  std::vector<IpPrefix> sorted_;
};

}  // namespace warren::node
