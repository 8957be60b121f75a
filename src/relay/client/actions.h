#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "proto/relay/region.h"

// What the engine asks of its caller. Values, so a test compares a list with a list.
namespace warren::relay::client {

// One for each Connect. What is said of an older one is ignored.
using AttemptId = TaggedNumber<struct AttemptIdTag, std::uint32_t>;

// Make a connection to the node, with TLS. Answered by on_connected or on_closed. Look-up and TCP
// get kNodeDialLimit; the whole is limited by the engine.
struct Connect {
  RegionId region;
  AttemptId attempt;
  Node node;

  bool operator==(const Connect&) const = default;
};

// Bytes of the stream, before all packets that wait.
struct Write {
  RegionId region;
  std::vector<std::uint8_t> bytes;

  bool operator==(const Write&) const = default;
};

// Close what was connecting or connected. `drop_queue`: packets that wait for the region, too.
struct Close {
  RegionId region;
  bool drop_queue = false;

  bool operator==(const Close&) const = default;
};

// The relay let us in.
struct Up {
  RegionId region;

  bool operator==(const Up&) const = default;
};

struct Down {
  RegionId region;

  bool operator==(const Down&) const = default;
};

// The relay says that the peer is not there, or no longer.
struct Gone {
  Route peer;

  bool operator==(const Gone&) const = default;
};

using Action = std::variant<Connect, Write, Close, Up, Down, Gone>;
using Actions = std::vector<Action>;

}  // namespace warren::relay::client
