#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "control/core/roster.h"
#include "netmap/entities.h"
#include "proto/control/filter.h"
#include "proto/control/map.h"
#include "proto/control/node.h"

// What a node is told of itself and of others (spec: control sections 5.5, 7.1). Pure.
namespace warren::control {

// The user that others are told: tagged nodes have one together.
netmap::UserId shown_user(const netmap::Node& node);

// As every other node sees it. `domain` without a dot at the end. `carried`: what a hub answers for
// beside its own addresses; they are Addresses of it, since stock clients on Linux take nothing
// else from a peer unless told to accept routes.
Node render_peer(const netmap::Node& node,
                 const RosterEntry& entry,
                 std::string_view domain,
                 WallTime now,
                 const std::vector<IpPrefix>& carried = {});
// To itself `carried` are AllowedIPs only: they are not addresses of its device.
Node render_self(const netmap::Node& node,
                 const RosterEntry& entry,
                 std::string_view domain,
                 WallTime now,
                 const std::vector<IpPrefix>& carried = {});
// A device, as the hub sees it.
Node render_device(const netmap::Node& node, std::string_view domain);

void append_addresses(const netmap::Node& node, std::vector<IpPrefix>& out);

// What a patch can say of `marks` (Mark bits other than Full and Cosmetic): one entry or two, never
// a disco key together with "offline", which stock clients drop (spec: control section 5.5).
std::vector<PeerChange> render_patch(const netmap::Node& node,
                                     const RosterEntry& entry,
                                     std::uint8_t marks);

std::vector<FilterRule> allow_everything();

// Puts `"name":[texts…]` into an object that is written already; nothing when there are no texts.
void splice(std::string& object, std::string_view name, const std::vector<std::string_view>& texts);

}  // namespace warren::control
