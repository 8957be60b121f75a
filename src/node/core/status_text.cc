#include "node/core/status_text.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

namespace warren::node {

namespace {

constexpr std::size_t kColumns = 5;  // address, name, user, system, state
using Row = std::array<std::string, kColumns>;

Duration since(const WallTime& then, const WallTime& now) {
  // Wrong clocks make no negative ages, and none beyond what a Duration holds.
  constexpr std::int64_t kLongest = 250LL * 365 * 24 * 3600;
  return std::chrono::seconds(std::clamp<std::int64_t>(now.seconds - then.seconds, 0, kLongest));
}

std::string first_label(std::string_view name) {
  return std::string(name.substr(0, name.find('.')));
}

// What peers say of themselves goes to a terminal.
std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = '?';
  }
  return out;
}

std::string owner(const Status& status, const StatusPeer& node) {
  const bool is_shared = node.alt_sharer_user_id != control::UserId{};
  const auto found = status.users.find(is_shared ? node.alt_sharer_user_id : node.user_id);
  if (found == status.users.end()) return "-";
  const std::string& login = found->second.login_name;
  const std::size_t at = login.find('@');
  return printable(at == std::string::npos ? login : login.substr(0, at + 1));
}

std::string offline_text(const StatusPeer& peer, WallTime now) {
  if (!peer.last_seen) return "offline";
  return fmt::format("offline, last seen {} ago", short_age(since(*peer.last_seen, now)));
}

// The path's latency and age, and why it is no better.
std::string path_text(const StatusPath& path, WallTime now) {
  std::string out;
  const std::string age = path.since ? " for " + short_age(since(*path.since, now)) : "";
  if (path.state == "direct" || path.state == "doubt") {
    if (path.latency_seconds > 0) out += fmt::format(", {:.1f} ms", path.latency_seconds * 1000);
    const bool is_doubt = path.state == "doubt";
    if (is_doubt || !age.empty()) out += fmt::format(",{}{}", is_doubt ? " in doubt" : "", age);
  } else {
    out += fmt::format(", not direct{}", age);
  }
  if (!path.why.empty()) out += ": " + printable(path.why);
  return out;
}

std::string way(const StatusPeer& peer) {
  if (!peer.cur_addr.empty()) return "direct " + printable(peer.cur_addr);
  if (!peer.peer_relay.empty()) return "peer-relay " + printable(peer.peer_relay);
  if (!peer.relay.empty()) return fmt::format("relay \"{}\"", printable(peer.relay));
  return {};
}

std::string state_text(const StatusPeer& peer, WallTime now) {
  std::string exit;
  if (peer.exit_node) {
    exit = "exit node";
  } else if (peer.exit_node_option) {
    exit = "offers exit node";
  }
  const bool has_traffic = peer.rx_bytes != 0 || peer.tx_bytes != 0;
  std::string out;
  if (peer.active) {
    const std::string how = way(peer);
    out = "active; " + exit + (exit.empty() || how.empty() ? "" : "; ") + how;
    if (!peer.online) out += "; " + offline_text(peer, now);
  } else if (!exit.empty()) {
    out = "idle; " + exit;
    if (!peer.online) out += "; " + offline_text(peer, now);
  } else if (has_traffic) {
    out = "idle";
    if (!peer.online) out += "; " + offline_text(peer, now);
  } else {
    out = peer.online ? "-" : offline_text(peer, now);
  }
  if (has_traffic) {
    out += fmt::format(", tx {} rx {}", peer.tx_bytes, peer.rx_bytes);
  }
  if (peer.expired) out += ", key expired";
  if (peer.active && peer.path) out += path_text(*peer.path, now);
  return out;
}

Row row_of(const Status& status, const StatusPeer& node, std::string state) {
  Row out;
  out[0] = node.overlay_ips.empty() ? "-" : node.overlay_ips.front().to_string();
  out[1] = printable(node.dns_name.empty() ? fmt::format("\"{}\"", node.host_name)
                                           : first_label(node.dns_name));
  out[2] = owner(status, node);
  out[3] = node.os.empty() ? "-" : printable(node.os);
  out[4] = std::move(state);
  return out;
}

std::string aligned(const std::vector<Row>& rows) {
  std::array<std::size_t, kColumns> widths{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < kColumns; ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const Row& row : rows) {
    for (std::size_t i = 0; i + 1 < kColumns; ++i) {
      out += fmt::format("{:<{}}  ", row[i], widths[i]);
    }
    out += row.back() + "\n";
  }
  return out;
}

}  // namespace

std::string short_age(Duration age) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(age).count();
  if (seconds < 60) return fmt::format("{}s", std::max<std::int64_t>(seconds, 0));
  if (seconds < 3600) return fmt::format("{}m", seconds / 60);
  if (seconds < 86'400) return fmt::format("{}h", seconds / 3600);
  return fmt::format("{}d", seconds / 86'400);
}

std::optional<std::string> not_running_text(const Status& status) {
  const std::string& state = status.backend_state;
  if (state == "Running" || state == "Starting") return std::nullopt;
  if (state == "Stopped") return "Warren is stopped.\n";
  if (state == "NeedsMachineAuth") {
    return "This machine waits for the approval of an administrator.\n";
  }
  if (state != "NeedsLogin") return fmt::format("unexpected state: {}\n", printable(state));
  std::string out = "Logged out.\n";
  for (const std::string& why : status.health) out += printable(why) + "\n";
  if (!status.auth_url.empty()) {
    out += fmt::format("Log in at: {}\n", printable(status.auth_url));
  }
  return out;
}

std::string status_text(const Status& status, const StatusTextOptions& options, WallTime now) {
  std::string out;
  if (!status.health.empty()) {
    out += "# Health check:\n";
    for (const std::string& text : status.health) out += "#     - " + printable(text) + "\n";
    out += "\n";
  }
  std::vector<Row> rows;
  if (options.header) rows.push_back({"IP", "Hostname", "User", "OS", "Status"});
  if (options.with_self && status.self) rows.push_back(row_of(status, *status.self, "-"));
  std::vector<const StatusPeer*> peers;
  for (const auto& [key, peer] : status.peers) {
    const bool is_wanted = options.with_peers && (peer.active || !options.only_active) &&
                           (peer.active || !peer.sharee_node);
    if (is_wanted) peers.push_back(&peer);
  }
  const auto order = [](const StatusPeer* peer) {
    return std::pair(peer->dns_name.empty() ? peer->host_name : peer->dns_name, peer->node_id);
  };
  std::ranges::sort(peers, {}, order);
  for (const StatusPeer* const peer : peers) {
    rows.push_back(row_of(status, *peer, state_text(*peer, now)));
  }
  return out + aligned(rows);
}

}  // namespace warren::node
