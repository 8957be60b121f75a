#pragma once

#include <optional>

#include "base/udp_path.h"
#include "proto/relay/region.h"
#include "wg/retired.h"

namespace warren::wg {

// Where a peer's datagrams go. Both: each goes both ways, because the direct one is in doubt; the
// peer's replay window drops the second copy (spec: paths section 5.4). Neither: nowhere yet.
struct PeerPath {
  std::optional<UdpPath> direct;
  std::optional<relay::Route> relay;

  bool operator==(const PeerPath&) const = default;
};

// An immutable path as workers see it.
struct PublishedPath final : Retired {
  explicit PublishedPath(const PeerPath& peer_path) : path(peer_path) {}

  PeerPath path;
};

}  // namespace warren::wg
