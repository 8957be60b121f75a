#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "dns/core/host_table.h"
#include "dns/core/resolver.h"
#include "node/core/device_plan.h"
#include "node/core/network_map.h"
#include "node/core/os_dns.h"
#include "node/core/prefs.h"

// What the map and the user's wishes mean for names: for our resolver and for the host (spec:
// node-features section 4.4).
namespace warren::node {

struct DnsPlan {
  // The service addresses shall be on the device: MagicDNS is on, or the host is told to ask us.
  bool is_served = false;
  dns::ResolverConfig resolver;
  OsDnsConfig os;
  std::vector<std::string> problems;  // a sentence each, for the status

  bool operator==(const DnsPlan&) const = default;
};

// When MapChange::self, ::dns or ::device is set, or wishes or the host's base changed. `device`
// tells which upstreams are reached through the tunnel. Costs follow the DNS configuration, not the
// network: the hosts are apart.
DnsPlan plan_dns(const NetworkMap& map,
                 const Prefs& prefs,
                 const DevicePlan& device,
                 const OsDnsBase& base);

// Makes the table of hosts say what the map says: ourselves and the peers, each with the first
// address of a family (what comes behind is what it serves for others, such as a hub's devices).
// `change` tells what may differ: the cost is that of the change, unless it is the first of a
// stream or about ourselves.
void update_hosts(const NetworkMap& map,
                  const MapChange& change,
                  const Prefs& prefs,
                  dns::HostTable& hosts);

// The same with everything: when wishes changed.
void replace_hosts(const NetworkMap& map, const Prefs& prefs, dns::HostTable& hosts);

}  // namespace warren::node
