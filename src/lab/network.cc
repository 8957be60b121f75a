#include "lab/network.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "lab/network_node.h"

namespace warren::lab {

namespace {

// FNV-1a: the same name and seed give the same randomness, whatever else is in the topology.
std::uint64_t seed_of(std::uint64_t seed, std::string_view name, std::string_view part) {
  std::uint64_t hash = 0xcbf29ce484222325 ^ seed;
  for (const std::string_view text : {name, part}) {
    for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3;
  }
  return hash;
}

IpPrefix single(const IpAddress& address) {
  return {address, address.bit_length()};
}

}  // namespace

Network::Node::Node(NodeIndex node_index,
                    std::string node_name,
                    const Uplink& uplink,
                    const FirewallConfig& filter,
                    std::uint64_t seed)
    : index(node_index),
      name(std::move(node_name)),
      up(uplink.up, seed_of(seed, name, "up")),
      down(uplink.down, seed_of(seed, name, "down")),
      mtu(uplink.mtu),
      firewall(filter) {}

bool Network::Node::has(const IpAddress& address) const {
  return std::ranges::find(addresses, address) != addresses.end() ||
         std::ranges::any_of(prefixes, [&](const auto& p) { return p.contains(address); });
}

Network::Network(PacketSink& sink, std::uint64_t max_delayed_bytes)
    : sink_(sink),
      delayed_(max_delayed_bytes),
      segment_(ip::kMaxPacketSize),
      error_(kMaxIcmpErrorSize) {}

Network::~Network() = default;

Result<std::unique_ptr<Network>> Network::create(const Topology& topology, PacketSink& sink) {
  std::unique_ptr<Network> out(new Network(sink, topology.max_delayed_bytes));
  for (const auto& [name, router] : topology.routers) out->add_router(name, router, topology.seed);
  for (const auto& [name, host] : topology.hosts) out->add_host(name, host, topology.seed);
  for (const auto& [name, router] : topology.routers) {
    if (!router.uplink.behind.empty()) WARREN_TRY_VOID(out->attach(name, router.uplink.behind));
  }
  for (const auto& [name, host] : topology.hosts) {
    WARREN_TRY_VOID(out->attach(name, host.uplink.behind));
  }
  WARREN_TRY_VOID(out->route());
  return out;
}

void Network::add_router(const std::string& name, const RouterConfig& config, std::uint64_t seed) {
  Node& node = add_node(name, config.uplink, config.firewall, seed);
  node.is_router = true;
  node.addresses = config.addresses;
  node.sends_icmp = config.sends_icmp;
  if (config.nat) {
    node.nat = std::make_unique<Nat>(*config.nat, seed_of(seed, name, "nat"));
    node.external = config.nat->external;
  }
}

void Network::add_host(const std::string& name, const HostConfig& config, std::uint64_t seed) {
  Node& node = add_node(name, config.uplink, {.is_stateful = false}, seed);
  for (const InterfaceAddress& address : config.addresses) {
    node.addresses.push_back(address.address);
  }
  node.prefixes = config.routes;
}

Network::Node& Network::add_node(const std::string& name,
                                 const Uplink& uplink,
                                 const FirewallConfig& filter,
                                 std::uint64_t seed) {
  const auto index = static_cast<NodeIndex>(nodes_.size());
  nodes_.push_back(std::make_unique<Node>(index, name, uplink, filter, seed));
  return *nodes_.back();
}

Result<void> Network::attach(std::string_view name, std::string_view behind) {
  WARREN_TRY(Node* const below, node(name));
  WARREN_TRY(below->above, router(behind));
  return {};
}

std::optional<NodeIndex> Network::find(std::string_view name) const {
  const auto at = std::ranges::find_if(nodes_, [&](const auto& n) { return n->name == name; });
  return at == nodes_.end() ? std::nullopt : std::optional((*at)->index);
}

Result<Network::Node*> Network::node(std::string_view name) const {
  const auto index = find(name);
  if (!index) {
    return fail(Errc::NotFound, fmt::format("there is no host or router \"{}\"", name));
  }
  return nodes_[*index].get();
}

Result<Network::Node*> Network::router(std::string_view name) const {
  WARREN_TRY(Node* const out, node(name));
  if (!out->is_router) return fail(Errc::InvalidArgument, fmt::format("{} is no router", name));
  return out;
}

Result<Network::Node*> Network::uplink(std::string_view name) const {
  WARREN_TRY(Node* const out, node(name));
  if (out->above == nullptr) {
    return fail(Errc::InvalidArgument, fmt::format("{} is at the top and has no link up", name));
  }
  return out;
}

Result<void> Network::route() {
  std::vector<Routes> tables(nodes_.size());
  for (const auto& node : nodes_) {
    if (node->above == nullptr) WARREN_TRY_VOID(collect(*node, tables));
  }
  for (const auto& node : nodes_) node->below = std::move(tables[node->index]);
  return {};
}

// What the router above sends to this node; on the way, fills the tables of the routers from here
// down.
Result<std::vector<IpPrefix>> Network::collect(const Node& node,
                                               std::vector<Routes>& tables) const {
  std::vector<IpPrefix> visible;
  const auto show = [&](const IpPrefix& prefix) {
    if (!node.translates(prefix.address())) visible.push_back(prefix);
  };
  for (const IpAddress& address : node.addresses) show(single(address));
  for (const IpPrefix& prefix : node.prefixes) show(prefix);
  for (const IpAddress& address : node.external) visible.push_back(single(address));
  for (const auto& child : nodes_) {
    if (child->above != &node) continue;
    WARREN_TRY(const auto prefixes, collect(*child, tables));
    for (const IpPrefix& prefix : prefixes) {
      const auto taken = tables[node.index].add(prefix, child->index);
      const bool is_own =
          prefix.is_single() &&
          std::ranges::find(node.addresses, prefix.address()) != node.addresses.end();
      if (taken || is_own) {
        const std::string& owner = taken ? nodes_[*taken]->name : node.name;
        return fail(Errc::AlreadyExists,
                    fmt::format("{} of {} is already the address of {}, which {} would confuse",
                                prefix.to_string(), child->name, owner, node.name));
      }
      show(prefix);
    }
  }
  return visible;
}

Result<void> Network::set_quality(std::string_view name, Way way, const LinkQuality& quality) {
  WARREN_TRY(Node* const node, uplink(name));
  node->way(way).set_quality(quality);
  return {};
}

Result<void> Network::set_link_state(std::string_view name, LinkState state) {
  WARREN_TRY(Node* const node, uplink(name));
  node->link_state = state;
  return {};
}

Result<void> Network::forget(std::string_view name) {
  WARREN_TRY(Node* const node, router(name));
  if (node->nat != nullptr) node->nat->forget();
  node->firewall.forget();
  return {};
}

Result<void> Network::set_external(std::string_view name, std::vector<IpAddress> external) {
  WARREN_TRY(Node* const node, router(name));
  if (node->nat == nullptr) return fail(Errc::InvalidArgument, fmt::format("{} is no NAT", name));
  const bool is_v6 = node->external.front().is_v6();
  if (external.empty() ||
      std::ranges::any_of(external, [&](const auto& a) { return a.is_v6() != is_v6; })) {
    return fail(Errc::InvalidArgument,
                fmt::format("external: expected at least one address, all IPv{}", is_v6 ? 6 : 4));
  }
  std::swap(node->external, external);
  if (auto routed = route(); !routed) {
    node->external = std::move(external);
    return routed;
  }
  node->nat->change_external(node->external);
  return {};
}

Result<void> Network::set_block(std::string_view name, Block block) {
  WARREN_TRY(Node* const node, node(name));
  node->firewall.set_block(block);
  return {};
}

Result<void> Network::move(std::string_view name,
                           std::string_view behind,
                           const std::vector<InterfaceAddress>& addresses) {
  WARREN_TRY(Node* const node, node(name));
  WARREN_TRY(Node* const router, router(behind));
  if (node->is_router) return fail(Errc::InvalidArgument, fmt::format("{} is no host", name));
  Node* const old_above = std::exchange(node->above, router);
  auto old_addresses = std::exchange(node->addresses, {});
  for (const InterfaceAddress& address : addresses) node->addresses.push_back(address.address);
  if (auto routed = route(); !routed) {
    node->above = old_above;
    node->addresses = std::move(old_addresses);
    return routed;
  }
  return {};
}

std::vector<NodeCounters> Network::counters() const {
  std::vector<NodeCounters> out;
  for (const auto& node : nodes_) {
    NodeCounters& counters = out.emplace_back(node->counters);
    counters.name = node->name;
    counters.is_router = node->is_router;
    if (node->above != nullptr) counters.behind = node->above->name;
    counters.block = node->firewall.config().block;
    counters.external = node->external;
    counters.sessions =
        node->firewall.sessions() + (node->nat != nullptr ? node->nat->sessions() : 0);
  }
  return out;
}

}  // namespace warren::lab
