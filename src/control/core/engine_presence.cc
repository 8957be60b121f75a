#include <algorithm>
#include <limits>

#include "control/core/engine_state.h"

namespace warren::control {
namespace {

// The wall clock may step, so it is looked at this often whatever it said when.
constexpr Duration kExpiryCheck = 60s;

}  // namespace

void Engine::State::on_stream_opened(RosterEntry& entry, const Moment& moment) {
  ++entry.streams;
  set_deadlines(entry, kNever, kNever);
  set_online(entry, true, moment);
}

void Engine::State::on_stream_closed(RosterEntry& entry, const Moment& moment) {
  WARREN_CHECK(entry.streams > 0);
  if (--entry.streams > 0) return;
  const netmap::Node* const node = model.tables().find_node(entry.node);
  const bool is_ephemeral = node != nullptr && node->is_ephemeral;
  set_deadlines(entry, moment.now + options.offline_grace,
                is_ephemeral ? moment.now + options.ephemeral_after : kNever);
}

void Engine::State::set_online(RosterEntry& entry, bool is_online, const Moment& moment) {
  if (entry.is_online == is_online) return;
  entry.is_online = is_online;
  entry.soft.last_seen.reset();
  if (!is_online) entry.soft.last_seen = moment.wall;
  mark_soft_dirty(entry, moment);
  tell_others(entry, Mark::Online, moment.now);
}

void Engine::State::set_deadlines(RosterEntry& entry, TimePoint offline_at, TimePoint remove_at) {
  const TimePoint old = std::min(entry.offline_at, entry.remove_at);
  if (old != kNever) presence_queue.erase({old, entry.node});
  entry.offline_at = offline_at;
  entry.remove_at = remove_at;
  const TimePoint next = std::min(offline_at, remove_at);
  if (next != kNever) presence_queue.emplace(next, entry.node);
}

void Engine::State::check_presence(const Moment& moment) {
  while (!presence_queue.empty() && presence_queue.begin()->first <= moment.now) {
    RosterEntry& entry = *roster.find(presence_queue.begin()->second);
    if (entry.offline_at <= moment.now) {
      set_deadlines(entry, kNever, entry.remove_at);
      set_online(entry, false, moment);
    } else {
      set_deadlines(entry, kNever, kNever);
      const auto removed = model.delete_node(entry.node, moment.wall, changes);
      WARREN_CHECK(removed.has_value());
    }
  }
}

// Also when the wall clock went back: then some have not expired after all.
void Engine::State::check_expiry(const Moment& moment) {
  if (check_expiry_at > moment.now && check_expiry_at != kNever) return;
  constexpr netmap::NodeId kLast{std::numeric_limits<std::int64_t>::max()};
  const WallTime from = std::min(judged_at, moment.wall);
  const WallTime to = std::max(judged_at, moment.wall);
  judged_at = moment.wall;
  const auto end = expiries.upper_bound({to, kLast});
  for (auto at = expiries.upper_bound({from, kLast}); at != end; ++at) {
    RosterEntry* const entry = roster.find(at->second);
    if (entry == nullptr) continue;
    if (entry->is_device) {
      judge_device(*entry, moment.now);
      continue;
    }
    tell_others(*entry, Mark::Full, moment.now);  // patches cannot say that it expired
    tell_self(at->second, moment.now);
  }
  check_expiry_at = kNever;
  if (expiries.empty()) return;
  check_expiry_at = moment.now + kExpiryCheck;
  const auto next = expiries.upper_bound({judged_at, kLast});
  if (next == expiries.end()) return;
  const std::chrono::seconds left(next->first.seconds - judged_at.seconds + 1);
  if (left < kExpiryCheck) check_expiry_at = moment.now + left;
}

TimePoint Engine::State::next_presence() const {
  return std::min(check_expiry_at, presence_queue.empty() ? kNever : presence_queue.begin()->first);
}

}  // namespace warren::control
