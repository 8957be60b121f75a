#include "path/home_choice.h"

#include <algorithm>

#include "path/constants.h"

namespace warren::path {

namespace {

Duration latency_of(const std::vector<RegionLatency>& latencies, relay::RegionId region) {
  const auto found = std::ranges::find(latencies, region, &RegionLatency::region);
  return found == latencies.end() ? Duration::max() : found->best();
}

}  // namespace

relay::RegionId HomeChoice::choose(const relay::Map& map,
                                   const std::vector<RegionLatency>& latencies,
                                   relay::RegionId previous,
                                   const std::function<bool(relay::RegionId)>& is_connected,
                                   TimePoint now) {
  history_.push_back({.when = now, .latencies = latencies});
  while (history_.size() > kMaxReports || now - history_.front().when > kLatencyHistory)
    history_.pop_front();

  relay::RegionId best = relay::kNoRegion;
  double best_score = 0;
  for (const relay::Region& region : map.regions) {
    if (region.no_measure_no_home || latency_of(latencies, region.id) == Duration::max()) continue;
    const double score = static_cast<double>(least_latency(region.id).count()) * region.score;
    if (best == relay::kNoRegion || score < best_score) {
      best = region.id;
      best_score = score;
    }
  }
  const bool previous_exists = map.find(previous) != nullptr;
  if (best == relay::kNoRegion) return previous_exists ? previous : relay::kNoRegion;
  if (best == previous || !previous_exists) return best;

  const Duration old_latency = latency_of(latencies, previous);
  if (old_latency == Duration::max()) {
    // Reachable, though it did not answer this time: three lost datagrams move nobody.
    return is_connected(previous) && least_latency(previous) != Duration::max() ? previous : best;
  }
  const Duration new_latency = latency_of(latencies, best);
  const bool is_close = old_latency - new_latency < kHomeHysteresis;
  return is_close || new_latency > old_latency * 2 / 3 ? previous : best;
}

Duration HomeChoice::least_latency(relay::RegionId region) const {
  Duration out = Duration::max();
  for (const Entry& entry : history_) out = std::min(out, latency_of(entry.latencies, region));
  return out;
}

}  // namespace warren::path
