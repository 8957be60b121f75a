#include "plain/endpoint_schedule.h"

#include <algorithm>

namespace warren::plain {

void EndpointSchedule::set_names(const std::vector<Lookup>& names, TimePoint now) {
  std::unordered_map<NodePublicKey, Entry> next;
  for (const Lookup& wanted : names) {
    Entry entry{.name = wanted.name, .due = now};
    const auto known = entries_.find(wanted.peer);
    if (known != entries_.end() && known->second.name == wanted.name) entry = known->second;
    next.emplace(wanted.peer, std::move(entry));
  }
  entries_ = std::move(next);
}

void EndpointSchedule::on_given_up(const NodePublicKey& peer, TimePoint now) {
  const auto found = entries_.find(peer);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  if (!entry.in_flight && entry.due == kNever) entry.due = now;
}

std::vector<EndpointSchedule::Lookup> EndpointSchedule::take_due(TimePoint now) {
  std::vector<Lookup> out;
  for (auto& [peer, entry] : entries_) {
    if (in_flight_ == kMaxInFlight) break;
    if (entry.due > now) continue;
    entry.due = kNever;
    entry.in_flight = true;
    ++in_flight_;
    out.push_back({peer, entry.name});
  }
  return out;
}

bool EndpointSchedule::on_found(const Lookup& lookup) {
  --in_flight_;
  Entry* const entry = find(lookup);
  if (entry == nullptr) return false;
  entry->in_flight = false;
  entry->pause = kFirstPause;
  return true;
}

Duration EndpointSchedule::on_failed(const Lookup& lookup, TimePoint now) {
  --in_flight_;
  Entry* const entry = find(lookup);
  if (entry == nullptr) return Duration::zero();
  const Duration pause = entry->pause;
  entry->in_flight = false;
  entry->due = now + pause;
  entry->pause = std::min(2 * pause, kLongestPause);
  return pause;
}

TimePoint EndpointSchedule::next_timeout() const {
  if (in_flight_ == kMaxInFlight) return kNever;  // an answer comes first
  TimePoint out = kNever;
  for (const auto& [peer, entry] : entries_) out = std::min(out, entry.due);
  return out;
}

EndpointSchedule::Entry* EndpointSchedule::find(const Lookup& lookup) {
  const auto found = entries_.find(lookup.peer);
  if (found == entries_.end() || found->second.name != lookup.name) return nullptr;
  return found->second.in_flight ? &found->second : nullptr;
}

}  // namespace warren::plain
