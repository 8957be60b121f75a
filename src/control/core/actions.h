#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "control/core/request_id.h"
#include "control/core/roster.h"
#include "netmap/changes.h"

// What the engine asks of its shell. Performed in order, after the call that gave them returned.
namespace warren::control {

// The whole answer to a request.
struct Respond {
  RequestId to;
  unsigned status = 200;
  std::string body;
  std::optional<std::chrono::seconds> retry_after;

  bool operator==(const Respond&) const = default;
};

// The answer begins and stays open; what follows comes as StreamData.
struct OpenStream {
  RequestId to;

  bool operator==(const OpenStream&) const = default;
};

// One message. The shell says on_drained() when the socket has taken it all: until then the engine
// sends no further one.
struct StreamData {
  RequestId to;
  std::vector<std::uint8_t> bytes;

  bool operator==(const StreamData&) const = default;
};

struct EndStream {
  RequestId to;

  bool operator==(const EndStream&) const = default;
};

// What a node said lately.
struct SoftRow {
  netmap::NodeId node;
  std::optional<SoftState> state;  // none: the node is gone

  bool operator==(const SoftRow&) const = default;
};

// Make this durable, all of it or nothing, and say so with on_committed(). There is never a second
// one before that.
struct Commit {
  netmap::Changes changes;
  std::vector<SoftRow> soft;

  bool operator==(const Commit&) const = default;
};

// Who may use the relay has changed.
struct MembersChanged {
  bool operator==(const MembersChanged&) const = default;
};

using Action = std::variant<Respond, OpenStream, StreamData, EndStream, Commit, MembersChanged>;
using Actions = std::vector<Action>;

}  // namespace warren::control
