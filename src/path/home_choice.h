#pragma once

#include <deque>
#include <functional>

#include "base/time.h"
#include "path/report.h"
#include "proto/relay/region.h"

namespace warren::path {

// Which relay is our home (spec: paths section 3.4): the region with the least latency of the last
// five minutes, but the old one stays while it is nearly as good, so that peers need not learn
// anew.
class HomeChoice {
 public:
  // Takes a report's latencies into the history, and chooses. `is_connected`: a relay connection to
  // the region is up. None when nothing is known of any region.
  relay::RegionId choose(const relay::Map& map,
                         const std::vector<RegionLatency>& latencies,
                         relay::RegionId previous,
                         const std::function<bool(relay::RegionId)>& is_connected,
                         TimePoint now);

  std::size_t size() const { return history_.size(); }

 private:
  Duration least_latency(relay::RegionId region) const;

  struct Entry {
    TimePoint when;
    std::vector<RegionLatency> latencies;
  };

  std::deque<Entry> history_;  // at most kMaxReports
};

}  // namespace warren::path
