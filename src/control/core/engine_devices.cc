#include "control/core/engine_state.h"
#include "control/core/render.h"

// Plain WireGuard devices: peers of the hub's stream only. To everybody else they are addresses of
// the hub, and names.
namespace warren::control {

RosterEntry& Engine::State::add_to_roster(const netmap::Node& node) {
  RosterEntry& entry = roster.add(node.id);
  entry.is_device = node.kind == netmap::NodeKind::Device;
  return entry;
}

bool Engine::State::is_hub(netmap::NodeId node) const {
  const netmap::Node* const hub = model.tables().find_hub();
  return hub != nullptr && hub->id == node;
}

void Engine::State::judge_device(RosterEntry& entry, TimePoint now) {
  const netmap::Device* const device = model.tables().find_device(entry.node);
  const bool is_carried = device != nullptr && device->is_active(judged_at);
  const bool was_carried = std::exchange(entry.is_carried, is_carried);
  if (is_carried == was_carried) return;
  forget_text(entry);
  const netmap::Node* const hub = model.tables().find_hub();
  if (hub != nullptr) {
    for (auto& [id, stream] : streams) {
      if (stream.node != hub->id) continue;
      if (!is_carried) {
        stream.marks.remove(entry.slot, entry.node, now);
      } else if (stream.is_first_sent) {
        stream.marks.mark(entry.slot, Mark::Full, now);
      }
      queue(stream);
    }
    if (RosterEntry* const of_hub = roster.find(hub->id)) tell_others(*of_hub, Mark::Full, now);
    tell_self(hub->id, now);
  }
  tell_everyone(HeadMark::Dns, now);
}

void Engine::State::tell_of_device(const netmap::Node& before,
                                   const netmap::Node& after,
                                   TimePoint now) {
  RosterEntry& entry = *roster.find(after.id);
  if (!entry.is_carried) return;
  tell_others(entry, Mark::Full, now);
  if (before.name != after.name) tell_everyone(HeadMark::Dns, now);
}

std::vector<IpPrefix> Engine::State::carried_by(const netmap::Node& node) const {
  std::vector<IpPrefix> out;
  if (node.kind != netmap::NodeKind::Hub) return out;
  for (const auto& [id, device] : model.tables().devices()) {
    const RosterEntry* const entry = roster.find(id);
    if (entry != nullptr && entry->is_carried) {
      append_addresses(*model.tables().find_node(id), out);
    }
  }
  return out;
}

}  // namespace warren::control
