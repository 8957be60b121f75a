#pragma once

#include "proto/control/messages.h"
#include "proto/control/wire_types.h"

namespace warren::control {

// "high", "medium", "low"; another text is medium.
void read(const boost::json::value& from, Severity& to, const json::wire::Place& place);
void write(json::Writer& out, Severity value);

template <class Visitor, Either<DisplayMessageAction> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("URL", x.url);
  visit("Label", x.label);
}

template <class Visitor, Either<DisplayMessage> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("Title", x.title);
  visit("Text", x.text);
  visit.always("Severity", x.severity);
  visit("ImpactsConnectivity", x.impacts_connectivity);
  visit("PrimaryAction", x.primary_action);
}

template <class Visitor, Either<TkaInfo> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("Head", x.head);
  visit("Disabled", x.disabled);
}

template <class Visitor, Either<Debug> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("SleepSeconds", x.sleep_seconds);
  visit("DisableLogTail", x.disable_log_tail);
  visit("Exit", x.exit);
}

template <class Visitor, Either<ControlIpCandidate> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("IP", x.ip);
  visit("DialStartDelaySec", x.dial_start_delay_sec);
  visit("DialTimeoutSec", x.dial_timeout_sec);
  visit("Priority", x.priority);
}

template <class Visitor, Either<ControlDialPlan> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("Candidates", x.candidates);
}

template <class Visitor, Either<ClientVersion> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("RunningLatest", x.running_latest);
  visit("LatestVersion", x.latest_version);
  visit("UrgentSecurityUpdate", x.urgent_security_update);
  visit("Notify", x.notify);
  visit("NotifyURL", x.notify_url);
  visit("NotifyText", x.notify_text);
}

}  // namespace warren::control
