#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ip_address.h"
#include "base/tagged.h"
#include "proto/dns/dns_name.h"

namespace warren::dns {

inline constexpr std::size_t kMaxHosts = 131'072;  // twice the peers that a node keeps
inline constexpr std::size_t kMaxHostAddresses = 16;

// Whoever fills the table numbers the hosts: a node's number in the map.
using HostId = TaggedNumber<struct HostIdTag, std::int64_t>;

struct Host {
  Name name = {};  // the full one
  std::vector<IpAddress> addresses = {};
  bool owns_subdomains = false;  // names below its own are its own (capability
                                 // dns-subdomain-resolve)

  bool operator==(const Host&) const = default;
};

// The names and addresses of a network's nodes, changed one by one: a change costs what it
// concerns, not what the network holds. When several hosts have one name or address, the one with
// the smallest number has it.
class HostTable {
 public:
  // Replaces what the host was. Beyond the bounds: false, and it is not there.
  bool put(HostId id, Host host);
  void remove(HostId id);
  void clear();

  std::size_t size() const { return hosts_.size(); }

  const Host* find(HostId id) const;
  const Host* find_by_name(std::string_view wire) const;  // Name::wire()
  const Host* find_by_address(const IpAddress& address) const;

  std::uint64_t refused() const { return refused_; }  // put() said false

 private:
  using Ids = std::vector<HostId>;  // ascending; one as a rule

  void unlink(HostId id, const Host& host);

  std::unordered_map<HostId, Host> hosts_;
  std::unordered_map<std::string, Ids, WireHash, std::equal_to<>> by_name_;
  std::unordered_map<IpAddress, Ids> by_address_;
  std::uint64_t refused_ = 0;
};

}  // namespace warren::dns
