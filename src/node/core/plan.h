#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/core/device_plan.h"
#include "node/core/network_map.h"
#include "node/core/prefs.h"
#include "path/engine.h"
#include "policy/filter.h"

// What the map and the user's wishes mean for tunnel, device and filter. All are values to compare
// with what is in force: whoever applies them touches only what differs.
namespace warren::node {

// What a peer is for the tunnel.
struct PeerPlan {
  NodePublicKey key;
  std::vector<IpPrefix> allowed_ips;  // sorted
  path::PeerConfig path;              // with the same key
  bool is_wireguard_only = false;     // a stock device: finds no paths, roams

  bool operator==(const PeerPlan&) const = default;
};

struct FilterPlan {
  policy::FilterConfig config;
  bool is_hub = false;  // we carry addresses of others, which are its routes
  std::string problem;  // why the server's rules could not be used; then nothing comes in

  bool operator==(const FilterPlan&) const = default;
};

// Whether packets may flow at all: the user wants it, the server admitted us, our key is not
// expired. Else the plans below are empty.
bool is_tunnel_wanted(const NetworkMap& map, const Prefs& prefs);

// When MapChange::self or ::device is set, or prefs changed. Routes of peers without a tunnel stay:
// what is meant for them must not leave by another way.
DevicePlan plan_device(const NetworkMap& map, const Prefs& prefs);

// For each of MapChange::peers. None: no tunnel with this peer; why_no_tunnel() says why.
std::optional<PeerPlan> plan_peer(const NetworkMap& map,
                                  const control::Node& peer,
                                  const Prefs& prefs);

// A part of a sentence: "its key has expired". Empty: there can be one.
std::string_view why_no_tunnel(const NetworkMap& map, const control::Node& peer);

// When MapChange::self or ::filter is set, or prefs changed.
FilterPlan plan_filter(const NetworkMap& map, const Prefs& prefs);

}  // namespace warren::node
