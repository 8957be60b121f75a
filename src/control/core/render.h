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

// As every other node sees it. `domain` without a dot at the end.
Node render_peer(const netmap::Node& node,
                 const RosterEntry& entry,
                 std::string_view domain,
                 WallTime now);
Node render_self(const netmap::Node& node,
                 const RosterEntry& entry,
                 std::string_view domain,
                 WallTime now);

// What a patch can say of `marks` (Mark bits other than Full and Cosmetic): one entry or two, never
// a disco key together with "offline", which stock clients drop (spec: control section 5.5).
std::vector<PeerChange> render_patch(const netmap::Node& node,
                                     const RosterEntry& entry,
                                     std::uint8_t marks);

std::vector<FilterRule> allow_everything();

// Puts `"name":[texts…]` into an object that is written already; nothing when there are no texts.
void splice(std::string& object, std::string_view name, const std::vector<std::string_view>& texts);

}  // namespace warren::control
