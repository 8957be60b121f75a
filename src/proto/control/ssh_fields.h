#pragma once

#include "proto/control/ssh.h"
#include "proto/control/wire_types.h"

namespace warren::control {

template <class Visitor, Either<SshPrincipal> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("node", x.node);
  visit("nodeIP", x.node_ip);
  visit("userLogin", x.user_login);
  visit("any", x.any);
}

template <class Visitor, Either<SshRecorderFailureAction> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("RejectSessionWithMessage", x.reject_session_with_message);
  visit("TerminateSessionWithMessage", x.terminate_session_with_message);
  visit("NotifyURL", x.notify_url);
}

template <class Visitor, Either<SshAction> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("message", x.message);
  visit("reject", x.reject);
  visit("accept", x.accept);
  visit("sessionDuration", x.session_duration);
  visit("allowAgentForwarding", x.allow_agent_forwarding);
  visit("holdAndDelegate", x.hold_and_delegate);
  visit("allowLocalPortForwarding", x.allow_local_port_forwarding);
  visit("allowRemotePortForwarding", x.allow_remote_port_forwarding);
  visit("recorders", x.recorders);
  visit("onRecordingFailure", x.on_recording_failure);
}

template <class Visitor, Either<SshRule> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("ruleExpires", x.rule_expires);
  visit.always("principals", x.principals);
  visit.always("sshUsers", x.ssh_users);
  visit.always("action", x.action);
  visit("acceptEnv", x.accept_env);
}

template <class Visitor, Either<SshPolicy> Fields>
void fields(Visitor& visit, Fields& x) {
  visit.always("rules", x.rules);
}

}  // namespace warren::control
