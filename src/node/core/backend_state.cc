#include "node/core/backend_state.h"

namespace warren::node {

std::string_view to_string(BackendState state) {
  switch (state) {
    case BackendState::NoState:
      return "NoState";
    case BackendState::InUseOtherUser:
      return "InUseOtherUser";
    case BackendState::NeedsLogin:
      return "NeedsLogin";
    case BackendState::NeedsMachineAuth:
      return "NeedsMachineAuth";
    case BackendState::Stopped:
      return "Stopped";
    case BackendState::Starting:
      return "Starting";
    case BackendState::Running:
      return "Running";
  }
  return "NoState";
}

BackendState backend_state(const Prefs& prefs, const ClientStatus& client, const NetworkMap& map) {
  if (prefs.logged_out || client.login == LoginState::NeedsLogin) return BackendState::NeedsLogin;
  if (!prefs.want_running) return BackendState::Stopped;
  if (!map.self()) return BackendState::Starting;
  if (map.is_expired(*map.self())) return BackendState::NeedsLogin;
  if (!map.self()->machine_authorized) return BackendState::NeedsMachineAuth;
  return BackendState::Running;
}

}  // namespace warren::node
