#include "control/rows.h"

#include <algorithm>
#include <array>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/json_object.h"
#include "crypto/key_text.h"
#include "proto/control/codec.h"

namespace warren::control {
namespace {

using db::Statement;
using db::Value;

constexpr std::int64_t kMicros = 1'000'000;

std::optional<std::int64_t> to_micros(const std::optional<WallTime>& time) {
  if (!time) return std::nullopt;
  return control::to_micros(*time);
}

Value key_value(const auto& key) {
  return key.is_zero() ? Value() : Value(key.bytes());
}

// Null: it is tagged.
Value user_value(const netmap::Owner& owner) {
  return owner.is_tagged() ? Value() : Value(owner.user.value);
}

std::string tags_text(const std::vector<std::string>& tags) {
  return fmt::to_string(fmt::join(tags, " "));
}

Value tags_value(const netmap::Owner& owner) {
  return owner.is_tagged() ? Value(tags_text(owner.tags)) : Value();
}

// --- the change log's body: the new row, for whoever follows it

std::string body_of(const netmap::User& user) {
  return json::ObjectText()
      .text("login", user.login)
      .text("display_name", user.display_name)
      .time_if_any("created", user.created)
      .done();
}

// Without the hash: the log goes further than the table.
std::string body_of(const netmap::AuthKey& key) {
  return json::ObjectText()
      .number("user", key.owner.user.value)
      .text("tags", tags_text(key.owner.tags))
      .text("description", key.description)
      .number("reusable", key.is_reusable ? 1 : 0)
      .number("ephemeral", key.is_ephemeral ? 1 : 0)
      .number("uses", static_cast<std::int64_t>(key.uses))
      .time_if_any("created", key.created)
      .time_if_any("expires", key.expires)
      .time_if_any("revoked", key.revoked)
      .done();
}

std::string body_of(const netmap::Node& node) {
  return json::ObjectText()
      .text("stable_id", node.stable_id)
      .text("machine_key", to_text(node.machine))
      .text("node_key", to_text(node.key))
      .text("kind", kind_text(node.kind))
      .number("user", node.owner.user.value)
      .text("tags", tags_text(node.owner.tags))
      .text("hostname", node.hostname)
      .text("name", node.name)
      .text("ipv4", node.v4.to_string())
      .number("ephemeral", node.is_ephemeral ? 1 : 0)
      .text("auth_key", node.auth_key_id)
      .time_if_any("key_expiry", node.key_expiry)
      .time_if_any("created", node.created)
      .done();
}

std::string body_of(const netmap::Device& device) {
  return json::ObjectText()
      .number("disabled", device.is_disabled ? 1 : 0)
      .time_if_any("expires", device.expires)
      .done();
}

std::string body_of(const netmap::AddressLease& lease) {
  return json::ObjectText()
      .number("node", lease.node.value)
      .time_if_any("released", lease.released)
      .done();
}

std::string body_of(const netmap::NameLease& lease) {
  return json::ObjectText()
      .number("node", lease.node.value)
      .time_if_any("released", lease.released)
      .done();
}

std::string id_of(const netmap::User& user) {
  return std::to_string(user.id.value);
}

std::string id_of(const netmap::AuthKey& key) {
  return key.id;
}

std::string id_of(const netmap::Node& node) {
  return std::to_string(node.id.value);
}

std::string id_of(const netmap::Device& device) {
  return std::to_string(device.node.value);
}

std::string id_of(const netmap::AddressLease& lease) {
  return lease.v4.to_string();
}

std::string id_of(const netmap::NameLease& lease) {
  return lease.name;
}

constexpr std::string_view entity_of(const netmap::User&) {
  return "user";
}

constexpr std::string_view entity_of(const netmap::AuthKey&) {
  return "auth_key";
}

constexpr std::string_view entity_of(const netmap::Node&) {
  return "node";
}

constexpr std::string_view entity_of(const netmap::Device&) {
  return "device";
}

constexpr std::string_view entity_of(const netmap::AddressLease&) {
  return "address";
}

constexpr std::string_view entity_of(const netmap::NameLease&) {
  return "name";
}

// --- rows. Each is written whole: a row that is there is deleted first, by its own statement, so
// that one statement text serves new rows and changed ones.

Statement deletion(const netmap::User& user) {
  return {.sql = "DELETE FROM app_user WHERE net = $1 AND id = $2",
          .values = {kNetwork, user.id.value}};
}

Statement deletion(const netmap::AuthKey& key) {
  return {.sql = "DELETE FROM auth_key WHERE net = $1 AND id = $2", .values = {kNetwork, key.id}};
}

Statement deletion(const netmap::Node& node) {
  return {.sql = "DELETE FROM node WHERE net = $1 AND id = $2",
          .values = {kNetwork, node.id.value}};
}

Statement deletion(const netmap::Device& device) {
  return {.sql = "DELETE FROM device WHERE net = $1 AND node_id = $2",
          .values = {kNetwork, device.node.value}};
}

Statement deletion(const netmap::AddressLease& lease) {
  return {.sql = "DELETE FROM address WHERE net = $1 AND ip = $2",
          .values = {kNetwork, lease.v4.bytes()}};
}

Statement deletion(const netmap::NameLease& lease) {
  return {.sql = "DELETE FROM name_lease WHERE net = $1 AND name = $2",
          .values = {kNetwork, lease.name}};
}

Statement insertion(const netmap::User& user) {
  return {.sql =
              "INSERT INTO app_user (net, id, login, display_name, created_at) "
              "VALUES ($1, $2, $3, $4, $5)",
          .values = {kNetwork, user.id.value, user.login, user.display_name,
                     control::to_micros(user.created)}};
}

Statement insertion(const netmap::AuthKey& key) {
  return {.sql =
              "INSERT INTO auth_key (net, id, hash, user_id, tags, description, reusable, "
              "ephemeral, created_at, expires_at, revoked_at, uses) "
              "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
          .values = {kNetwork, key.id, key.hash, user_value(key.owner), tags_value(key.owner),
                     key.description, key.is_reusable, key.is_ephemeral,
                     control::to_micros(key.created), to_micros(key.expires),
                     to_micros(key.revoked), key.uses}};
}

Statement insertion(const netmap::Node& node) {
  return {
      .sql =
          "INSERT INTO node (net, id, stable_id, kind, machine_key, node_key, old_node_key, "
          "user_id, tags, hostname, name, name_fixed, ipv4, ephemeral, auth_key_id, key_expiry, "
          "created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, "
          "$15, $16, $17)",
      .values = {kNetwork, node.id.value, node.stable_id, kind_text(node.kind),
                 key_value(node.machine), node.key.bytes(),
                 node.old_key ? Value(node.old_key->bytes()) : Value(), user_value(node.owner),
                 tags_value(node.owner), node.hostname, node.name, node.is_name_fixed,
                 node.v4.bytes(), node.is_ephemeral,
                 node.auth_key_id.empty() ? Value() : Value(node.auth_key_id),
                 to_micros(node.key_expiry), control::to_micros(node.created)}};
}

Statement insertion(const netmap::Device& device) {
  return {.sql = "INSERT INTO device (net, node_id, disabled, expires_at) VALUES ($1, $2, $3, $4)",
          .values = {kNetwork, device.node.value, device.is_disabled, to_micros(device.expires)}};
}

Statement insertion(const netmap::AddressLease& lease) {
  return {.sql = "INSERT INTO address (net, ip, node_id, released_at) VALUES ($1, $2, $3, $4)",
          .values = {kNetwork, lease.v4.bytes(), lease.node.value, to_micros(lease.released)}};
}

Statement insertion(const netmap::NameLease& lease) {
  return {.sql =
              "INSERT INTO name_lease (net, name, node_id, user_id, released_at) "
              "VALUES ($1, $2, $3, $4, $5)",
          .values = {kNetwork, lease.name, lease.node.value, lease.user.value,
                     to_micros(lease.released)}};
}

std::string join(const std::vector<Endpoint>& endpoints) {
  std::string out;
  for (const Endpoint& endpoint : endpoints) {
    if (!out.empty()) out += ' ';
    out += endpoint.to_string();
  }
  return out;
}

}  // namespace

std::string_view entity_of(const netmap::Change& change) {
  return std::visit([](const auto& row) { return entity_of(row.after ? *row.after : *row.before); },
                    change);
}

std::string id_of(const netmap::Change& change) {
  return std::visit([](const auto& row) { return id_of(row.after ? *row.after : *row.before); },
                    change);
}

std::string_view kind_text(netmap::NodeKind kind) {
  switch (kind) {
    case netmap::NodeKind::Device:
      return "device";
    case netmap::NodeKind::Hub:
      return "hub";
    case netmap::NodeKind::Mesh:
      break;
  }
  return "mesh";
}

std::int64_t to_micros(WallTime time) {
  return time.seconds * kMicros + time.nanoseconds / 1000;
}

WallTime from_micros(std::int64_t micros) {
  std::int64_t seconds = micros / kMicros;
  std::int64_t rest = micros % kMicros;
  if (rest < 0) {
    --seconds;
    rest += kMicros;
  }
  return {.seconds = seconds, .nanoseconds = static_cast<std::uint32_t>(rest * 1000)};
}

void append_statements(const netmap::Change& change,
                       std::int64_t seq,
                       WallTime now,
                       std::vector<Statement>& out) {
  std::visit(
      [&](const auto& row) {
        const auto& any = row.after ? *row.after : *row.before;
        if (row.before) {
          Statement gone = deletion(*row.before);
          gone.must_change = 1;
          out.push_back(std::move(gone));
        }
        if (row.after) out.push_back(insertion(*row.after));
        out.push_back({.sql =
                           "INSERT INTO change_log (net, seq, at, class, entity, entity_id, body) "
                           "VALUES ($1, $2, $3, 'hard', $4, $5, $6)",
                       .values = {kNetwork, seq, control::to_micros(now), entity_of(any),
                                  id_of(any), row.after ? Value(body_of(*row.after)) : Value()}});
      },
      change);
}

void append_statements(const SoftRow& row, std::vector<Statement>& out) {
  out.push_back({.sql = "DELETE FROM node_soft WHERE net = $1 AND node_id = $2",
                 .values = {kNetwork, row.node.value}});
  if (!row.state) return;
  const SoftState& state = *row.state;
  out.push_back({.sql =
                     "INSERT INTO node_soft (net, node_id, disco_key, home_derp, capver, "
                     "endpoints, hostinfo, last_seen_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                 .values = {kNetwork, row.node.value, key_value(state.disco_key), state.home.value,
                            state.version, join(state.endpoints), encode(state.hostinfo),
                            to_micros(state.last_seen)}});
}

}  // namespace warren::control
