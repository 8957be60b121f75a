#include "control/core/roster.h"

#include "base/result.h"

namespace warren::control {
namespace {

template <class Entries>
auto* find_in(Entries& entries, netmap::NodeId node) {
  const auto found = entries.find(node);
  return found == entries.end() ? nullptr : &found->second;
}

}  // namespace

RosterEntry& Roster::add(netmap::NodeId node) {
  const auto [entry, is_new] = entries_.try_emplace(node);
  WARREN_CHECK(is_new);
  RosterEntry& out = entry->second;
  out.node = node;
  if (free_.empty()) {
    out.slot = static_cast<Slot>(slots_.size());
    slots_.push_back(&out);
  } else {
    out.slot = free_.back();
    free_.pop_back();
    slots_[out.slot] = &out;
  }
  return out;
}

void Roster::remove(netmap::NodeId node) {
  const auto entry = entries_.find(node);
  WARREN_CHECK(entry != entries_.end());
  slots_[entry->second.slot] = nullptr;
  free_.push_back(entry->second.slot);
  entries_.erase(entry);
}

RosterEntry* Roster::find(netmap::NodeId node) {
  return find_in(entries_, node);
}

const RosterEntry* Roster::find(netmap::NodeId node) const {
  return find_in(entries_, node);
}

}  // namespace warren::control
