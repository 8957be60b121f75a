#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/time.h"
#include "control/core/marks.h"
#include "crypto/keys.h"
#include "netmap/ids.h"
#include "proto/control/hostinfo.h"
#include "proto/relay/region.h"

namespace warren::control {

// What a node says again by itself: told to others at once, written behind (spec: server section
// 0).
struct SoftState {
  DiscoPublicKey disco_key;
  relay::RegionId home;
  std::uint16_t version = 0;  // its capability version
  std::vector<Endpoint> endpoints;
  Hostinfo hostinfo;
  std::optional<WallTime> last_seen;  // none: online, or never seen

  bool operator==(const SoftState&) const = default;
};

// A node as long as the server runs: what is not in the model.
struct RosterEntry {
  netmap::NodeId node;
  Slot slot = 0;
  SoftState soft;
  bool is_device = false;   // plain WireGuard: has no soft state, no stream
  bool is_carried = false;  // a device that the hub carries: enabled, and not expired as judged
  // Streams of it that are open; a late end of an old one cannot hide a newer one (spec: control
  // section 5.7).
  std::size_t streams = 0;
  bool is_online = false;
  TimePoint offline_at = kNever;  // when nobody will wait for it to come back any longer
  TimePoint remove_at = kNever;   // an ephemeral one
  bool is_soft_dirty = false;     // not written yet
  // Its entry for others as JSON, the same for all who see it; empty: to be made. Of a device, for
  // the hub.
  std::string text;
};

// All nodes of the model, with small numbers that are used again.
class Roster {
 public:
  RosterEntry& add(netmap::NodeId node);
  void remove(netmap::NodeId node);

  RosterEntry* find(netmap::NodeId node);
  const RosterEntry* find(netmap::NodeId node) const;

  std::size_t slots() const { return slots_.size(); }

  RosterEntry* at(Slot slot) { return slots_[slot]; }  // null: nobody's

  std::map<netmap::NodeId, RosterEntry>& entries() { return entries_; }

  const std::map<netmap::NodeId, RosterEntry>& entries() const { return entries_; }

 private:
  std::map<netmap::NodeId, RosterEntry> entries_;
  std::vector<RosterEntry*> slots_;
  std::vector<Slot> free_;
};

}  // namespace warren::control
