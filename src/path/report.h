#pragma once

#include <optional>
#include <vector>

#include "base/ip_address.h"
#include "base/time.h"
#include "proto/relay/region.h"

namespace warren::path {

struct RegionLatency {
  relay::RegionId region;
  std::optional<Duration> v4;  // STUN round trip, the least of this report
  std::optional<Duration> v6;
  std::optional<Duration> https;  // measured when UDP did not answer

  Duration best() const;  // Duration::max() when nothing was measured

  bool operator==(const RegionLatency&) const = default;
};

// What the network around us does (spec: paths section 3.2).
struct Report {
  bool udp = false;
  bool ipv4 = false;  // a STUN answer came over it
  bool ipv6 = false;
  // Unknown until two servers at different addresses answered over IPv4.
  std::optional<bool> mapping_varies_by_destination;
  std::vector<Endpoint> public_v4;  // observed, the most often seen first
  std::vector<Endpoint> public_v6;
  std::vector<RegionLatency> latencies;  // by region id
  relay::RegionId home;                  // the choice; none when nothing was ever measured

  bool operator==(const Report&) const = default;
};

}  // namespace warren::path
