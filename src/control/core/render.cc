#include "control/core/render.h"

#include <fmt/format.h>

#include "base/result.h"
#include "netmap/addresses.h"

namespace warren::control {
namespace {

bool has(std::uint8_t marks, Mark mark) {
  return (marks & static_cast<std::uint8_t>(mark)) != 0;
}

// What concerns only the node and us (spec: control section 7.2).
Hostinfo for_others(const Hostinfo& all) {
  Hostinfo out = all;
  out.backend_log_id.clear();
  out.frontend_log_id.clear();
  out.push_device_token.clear();
  out.wol_macs.clear();
  out.net_info.reset();
  out.request_tags.clear();
  return out;
}

Node render(const netmap::Node& node,
            const RosterEntry& entry,
            std::string_view domain,
            WallTime now) {
  Node out;
  out.id = node.id;
  out.stable_id = node.stable_id;
  out.name = fmt::format("{}.{}.", node.name, domain);
  out.user = node.user;
  out.key = node.key;
  out.key_expiry = node.key_expiry;
  out.machine = node.machine;
  out.disco_key = entry.soft.disco_key;
  out.addresses = {IpPrefix(node.v4, 32), IpPrefix(netmap::v6_of(node.v4), 128)};
  out.allowed_ips = out.addresses;
  out.endpoints = entry.soft.endpoints;
  out.home_derp = entry.soft.home;
  out.created = node.created;
  out.cap = CapVersion{entry.soft.version};
  out.online = entry.is_online;
  if (!entry.is_online) out.last_seen = entry.soft.last_seen;
  out.expired = node.is_expired(now);
  out.machine_authorized = true;
  return out;
}

}  // namespace

Node render_peer(const netmap::Node& node,
                 const RosterEntry& entry,
                 std::string_view domain,
                 WallTime now) {
  Node out = render(node, entry, domain, now);
  out.hostinfo = for_others(entry.soft.hostinfo);
  return out;
}

Node render_self(const netmap::Node& node,
                 const RosterEntry& entry,
                 std::string_view domain,
                 WallTime now) {
  Node out = render(node, entry, domain, now);
  out.hostinfo = entry.soft.hostinfo;
  return out;
}

std::vector<PeerChange> render_patch(const netmap::Node& node,
                                     const RosterEntry& entry,
                                     std::uint8_t marks) {
  std::vector<PeerChange> out;
  if (has(marks, Mark::Path) || has(marks, Mark::Key)) {
    PeerChange change;
    change.node_id = node.id;
    if (has(marks, Mark::Path)) {
      change.derp_region = entry.soft.home;
      change.endpoints = entry.soft.endpoints;
    }
    if (has(marks, Mark::Key)) {
      change.key = node.key;
      change.disco_key = entry.soft.disco_key;
      change.key_expiry = node.key_expiry;
    }
    out.push_back(std::move(change));
  }
  if (has(marks, Mark::Online)) {
    PeerChange change;
    change.node_id = node.id;
    change.online = entry.is_online;
    if (!entry.is_online) change.last_seen = entry.soft.last_seen;
    out.push_back(std::move(change));
  }
  return out;
}

std::vector<FilterRule> allow_everything() {
  FilterRule rule;
  rule.src_ips = {"*"};
  rule.dst_ports = {{.ip = "*", .ports = {.first = 0, .last = 65535}}};
  return {rule};
}

void splice(std::string& object,
            std::string_view name,
            const std::vector<std::string_view>& texts) {
  if (texts.empty()) return;
  WARREN_CHECK(object.ends_with('}'));
  object.pop_back();
  object += fmt::format(R"({}"{}":[)", object == "{" ? "" : ",", name);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (i > 0) object += ',';
    object += texts[i];
  }
  object += "]}";
}

}  // namespace warren::control
