#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "crypto/keys.h"
#include "node/core/prefs.h"

namespace warren::node {

// Of the file. Another number is another form.
inline constexpr std::int64_t kStateVersion = 1;

// What must outlive the daemon: its state file, for root's eyes only.
struct NodeState {
  MachinePrivateKey machine_key;
  NodePrivateKey node_key;                     // zero: never joined
  std::optional<MachinePublicKey> server_key;  // of the server that was trusted first
  Prefs prefs;

  NodeState clone() const;
};

// JSON with a line end. Holds the keys.
std::string encode_node_state(const NodeState& state);
// The error says what is wrong with the file and, for a version we don't know, what to do.
Result<NodeState> decode_node_state(std::string_view text);

}  // namespace warren::node
