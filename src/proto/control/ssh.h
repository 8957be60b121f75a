#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/time.h"
#include "proto/control/common.h"

// Who may log in by SSH (spec: control section 7.10).
namespace warren::control {

// One of the four.
struct SshPrincipal {
  std::string node;  // a StableID
  std::optional<IpAddress> node_ip;
  std::string user_login;
  bool any = false;

  bool operator==(const SshPrincipal&) const = default;
};

struct SshRecorderFailureAction {
  std::string reject_session_with_message;
  std::string terminate_session_with_message;
  std::string notify_url;

  bool operator==(const SshRecorderFailureAction&) const = default;
};

// Also the answer to a held login.
struct SshAction {
  std::string message;
  bool reject = false;
  bool accept = false;
  Duration session_duration{};  // 0: unlimited
  bool allow_agent_forwarding = false;
  std::string hold_and_delegate;  // a URL that decides
  bool allow_local_port_forwarding = false;
  bool allow_remote_port_forwarding = false;
  std::vector<Endpoint> recorders;
  std::optional<SshRecorderFailureAction> on_recording_failure;

  bool operator==(const SshAction&) const = default;
};

struct SshRule {
  std::optional<WallTime> rule_expires;
  std::vector<SshPrincipal> principals;
  std::map<std::string, std::string> ssh_users;  // requested or "*": local, "=" the same but root
  std::optional<SshAction> action;
  std::vector<std::string> accept_env;  // may have * and ?

  bool operator==(const SshRule&) const = default;
};

struct SshPolicy {
  std::vector<SshRule> rules;  // the first that matches decides

  bool operator==(const SshPolicy&) const = default;
};

}  // namespace warren::control
