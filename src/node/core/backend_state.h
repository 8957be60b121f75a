#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "node/core/control_client.h"
#include "node/core/network_map.h"
#include "node/core/prefs.h"

namespace warren::node {

// Where the node stands as tools know it (spec: node-features section 17.3); the numbers are part
// of the contract.
enum class BackendState : std::uint8_t {
  NoState = 0,
  InUseOtherUser = 1,
  NeedsLogin = 2,
  NeedsMachineAuth = 3,
  Stopped = 4,
  Starting = 5,
  Running = 6,
};

// "NeedsLogin", ...
std::string_view to_string(BackendState state);

// Running as soon as there is a map that admits us, whether or not the server can be reached now.
BackendState backend_state(const Prefs& prefs, const ClientStatus& client, const NetworkMap& map);

}  // namespace warren::node
