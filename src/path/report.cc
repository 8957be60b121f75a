#include "path/report.h"

#include <algorithm>

namespace warren::path {

Duration RegionLatency::best() const {
  Duration out = Duration::max();
  for (const auto& latency : {v4, v6, https}) out = std::min(out, latency.value_or(out));
  return out;
}

}  // namespace warren::path
