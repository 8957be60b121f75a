#include "control/core/render.h"

#include <fmt/format.h>

#include "base/result.h"
#include "netmap/addresses.h"
#include "netmap/tags.h"

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

// What every kind has.
Node render_basics(const netmap::Node& node, std::string_view domain) {
  Node out;
  out.id = node.id;
  out.stable_id = node.stable_id;
  out.name = fmt::format("{}.{}.", node.name, domain);
  out.user = shown_user(node);
  out.tags = node.owner.tags;
  out.key = node.key;
  append_addresses(node, out.addresses);
  out.created = node.created;
  out.machine_authorized = true;
  return out;
}

Node render(const netmap::Node& node,
            const RosterEntry& entry,
            std::string_view domain,
            WallTime now) {
  Node out = render_basics(node, domain);
  out.key_expiry = node.key_expiry;
  out.machine = node.machine;
  out.disco_key = entry.soft.disco_key;
  out.endpoints = entry.soft.endpoints;
  out.home_derp = entry.soft.home;
  out.cap = CapVersion{entry.soft.version};
  out.online = entry.is_online;
  if (!entry.is_online) out.last_seen = entry.soft.last_seen;
  out.expired = node.is_expired(now);
  return out;
}

std::vector<IpPrefix> joined(std::vector<IpPrefix> first, const std::vector<IpPrefix>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

}  // namespace

netmap::UserId shown_user(const netmap::Node& node) {
  return node.owner.is_tagged() ? netmap::kTaggedDevices : node.owner.user;
}

void append_addresses(const netmap::Node& node, std::vector<IpPrefix>& out) {
  out.emplace_back(node.v4, 32);
  out.emplace_back(netmap::v6_of(node.v4), 128);
}

Node render_peer(const netmap::Node& node,
                 const RosterEntry& entry,
                 std::string_view domain,
                 WallTime now,
                 const std::vector<IpPrefix>& carried) {
  Node out = render(node, entry, domain, now);
  out.addresses = joined(std::move(out.addresses), carried);
  out.allowed_ips = out.addresses;
  out.hostinfo = for_others(entry.soft.hostinfo);
  return out;
}

Node render_self(const netmap::Node& node,
                 const RosterEntry& entry,
                 std::string_view domain,
                 WallTime now,
                 const std::vector<IpPrefix>& carried) {
  Node out = render(node, entry, domain, now);
  out.allowed_ips = joined(out.addresses, carried);
  out.hostinfo = entry.soft.hostinfo;
  return out;
}

Node render_device(const netmap::Node& node, std::string_view domain) {
  Node out = render_basics(node, domain);
  out.allowed_ips = out.addresses;
  out.is_wireguard_only = true;
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
