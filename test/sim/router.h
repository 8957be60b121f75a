#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/ip_address.h"
#include "lab/firewall.h"
#include "lab/link.h"
#include "lab/nat.h"

namespace warren::sim {

class Machine;
class Router;

using lab::LinkQuality;

inline constexpr LinkQuality kUplinkQuality{.delay = 5ms};

// One of each family at most.
struct Addresses {
  std::optional<IpAddress> v4 = std::nullopt;
  std::optional<IpAddress> v6 = std::nullopt;

  bool operator==(const Addresses&) const = default;
};

struct RouterConfig {
  std::string name;  // in traces
  // Of the network inside; none: no such family.
  std::optional<IpPrefix> v4 = std::nullopt;
  std::optional<IpPrefix> v6 = std::nullopt;
  // Of IPv4, which is routed without. When `external` is empty, the NAT gets one address of the
  // network above.
  std::optional<lab::NatConfig> nat = std::nullopt;
  // Keeps state of what has no NAT; its rule is for everything.
  lab::FirewallConfig firewall = {.is_stateful = false};
  LinkQuality up = kUplinkQuality;
  LinkQuality down = kUplinkQuality;
};

// A network and the router above it, which joins it to the network of its parent. Inside are
// machines and further routers; each address is known to all routers above, up to the first NAT, so
// private addresses mean something in their own network only.
class Router {
 public:
  // The parent, null for the root of the Internet, outlives the router.
  Router(RouterConfig config, Router* parent, std::uint64_t seed);
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;
  ~Router() = default;

  const std::string& name() const { return config_.name; }

  Router* parent() const { return parent_; }

  // Addresses of the network inside that nobody has, never the same twice in a row.
  Addresses lease();

  bool is_on_link(const IpAddress& address) const;

  // --- disturbances
  void reboot();                                    // NAT and firewall forget everything
  void change_external(std::vector<IpAddress> to);  // needs a NAT

  void block(lab::Block what) { firewall_.set_block(what); }

  void set_uplink(const LinkQuality& up, const LinkQuality& down);

  // Nobody notices but by silence.
  void set_uplink_up(bool is_up) { is_uplink_up_ = is_up; }

  // --- for the network
  using Attached = std::variant<Machine*, Router*>;

  lab::Nat* nat() { return nat_ ? &*nat_ : nullptr; }

  lab::Firewall& firewall() { return firewall_; }

  bool translates(const IpAddress& address) const { return nat_ && address.is_v4(); }

  bool is_uplink_up() const { return is_uplink_up_; }

  lab::Link& up() { return up_; }

  lab::Link& down() { return down_; }

  // The address must be free in this network and in those above that see it.
  void add(const IpAddress& address, Attached attached);
  void remove(const IpAddress& address);
  // Where an address inside is reached; none: not inside.
  std::optional<Attached> find(const IpAddress& address) const;

 private:
  std::optional<IpAddress> lease_of(const std::optional<IpPrefix>& prefix, std::uint32_t& next);

  RouterConfig config_;
  Router* parent_;
  std::optional<lab::Nat> nat_;
  lab::Firewall firewall_;
  lab::Link up_;
  lab::Link down_;
  bool is_uplink_up_ = true;
  std::unordered_map<IpAddress, Attached> inside_;  // as many as tests give addresses
  std::uint32_t next_v4_ = 2;                       // .1 is the router's own
  std::uint32_t next_v6_ = 2;
};

}  // namespace warren::sim
