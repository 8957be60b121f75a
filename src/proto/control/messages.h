#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "proto/control/common.h"

// Small parts of a MapResponse (spec: control sections 2.1, 5.4 and 7.8).
namespace warren::control {

enum class Severity : std::uint8_t { Medium, Low, High };

struct DisplayMessageAction {
  std::string url;
  std::string label;

  bool operator==(const DisplayMessageAction&) const = default;
};

struct DisplayMessage {
  std::string title;
  std::string text;
  Severity severity = Severity::Medium;
  bool impacts_connectivity = false;
  std::optional<DisplayMessageAction> primary_action;

  bool operator==(const DisplayMessage&) const = default;
};

// State of the tailnet lock.
struct TkaInfo {
  std::string head;
  bool disabled = false;

  bool operator==(const TkaInfo&) const = default;
};

// Orders, done once.
struct Debug {
  double sleep_seconds = 0;
  bool disable_log_tail = false;
  std::optional<int> exit;

  bool operator==(const Debug&) const = default;
};

struct ControlIpCandidate {
  std::optional<IpAddress> ip;
  double dial_start_delay_sec = 0;
  double dial_timeout_sec = 0;
  int priority = 0;

  bool operator==(const ControlIpCandidate&) const = default;
};

// Where else to find the server.
struct ControlDialPlan {
  std::vector<ControlIpCandidate> candidates;

  bool operator==(const ControlDialPlan&) const = default;
};

struct ClientVersion {
  bool running_latest = false;
  std::string latest_version;
  bool urgent_security_update = false;
  bool notify = false;
  std::string notify_url;
  std::string notify_text;

  bool operator==(const ClientVersion&) const = default;
};

}  // namespace warren::control
