#include "control/rows.h"

#include <algorithm>
#include <array>
#include <string>

#include <fmt/format.h>

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

std::optional<WallTime> maybe_time(db::Rows& rows, int column) {
  const auto micros = rows.maybe_number(column);
  if (!micros) return std::nullopt;
  return from_micros(*micros);
}

Value key_value(const auto& key) {
  return key.is_zero() ? Value() : Value(key.bytes());
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
      .number("user", key.user.value)
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
      .number("user", node.user.value)
      .text("hostname", node.hostname)
      .text("name", node.name)
      .text("ipv4", node.v4.to_string())
      .number("ephemeral", node.is_ephemeral ? 1 : 0)
      .text("auth_key", node.auth_key_id)
      .time_if_any("key_expiry", node.key_expiry)
      .time_if_any("created", node.created)
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
              "INSERT INTO auth_key (net, id, hash, user_id, description, reusable, ephemeral, "
              "created_at, expires_at, revoked_at, uses) "
              "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
          .values = {kNetwork, key.id, key.hash, key.user.value, key.description, key.is_reusable,
                     key.is_ephemeral, control::to_micros(key.created), to_micros(key.expires),
                     to_micros(key.revoked), key.uses}};
}

Statement insertion(const netmap::Node& node) {
  return {
      .sql =
          "INSERT INTO node (net, id, stable_id, machine_key, node_key, old_node_key, "
          "user_id, hostname, name, name_fixed, ipv4, ephemeral, auth_key_id, key_expiry, "
          "created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, "
          "$15)",
      .values = {kNetwork, node.id.value, node.stable_id, node.machine.bytes(), node.key.bytes(),
                 node.old_key ? Value(node.old_key->bytes()) : Value(), node.user.value,
                 node.hostname, node.name, node.is_name_fixed, node.v4.bytes(), node.is_ephemeral,
                 node.auth_key_id.empty() ? Value() : Value(node.auth_key_id),
                 to_micros(node.key_expiry), control::to_micros(node.created)}};
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

// --- reading

template <std::size_t N>
bool read_bytes(db::Rows& rows, int column, std::array<std::uint8_t, N>& out) {
  const ByteView bytes = rows.bytes(column);
  if (bytes.size() != N) return false;
  std::ranges::copy(bytes, out.begin());
  return true;
}

template <class Key>
bool read_key(db::Rows& rows, int column, Key& out) {
  std::array<std::uint8_t, kKeySize> bytes{};
  if (rows.is_null(column)) return true;
  if (!read_bytes(rows, column, bytes)) return false;
  out = Key(bytes);
  return true;
}

bool read_v4(db::Rows& rows, int column, IpAddress& out) {
  std::array<std::uint8_t, 4> bytes{};
  if (!read_bytes(rows, column, bytes)) return false;
  out = IpAddress::v4(bytes);
  return true;
}

// Calls `read` for each row; what it refuses is set aside with the row's first column as its name.
template <class Read>
db::Result<void> read_table(db::Connection& connection,
                            std::string_view entity,
                            std::string_view sql,
                            std::vector<BadRow>& bad,
                            Read read) {
  WARREN_TRY(auto rows, connection.query(sql, {kNetwork}));
  for (;;) {
    WARREN_TRY(const bool is_there, rows.next());
    if (!is_there) return {};
    if (read(rows)) continue;
    const auto id = rows.value(0);
    std::string name = "?";
    if (id && id->text() != nullptr) name = *id->text();
    if (id && id->number() != nullptr) name = std::to_string(*id->number());
    bad.push_back(
        {.entity = std::string(entity), .id = name, .reason = "a column does not decode"});
  }
}

template <class Row>
void keep(Row row, netmap::Changes& out) {
  out.emplace_back(netmap::RowChange<Row>{.before = std::nullopt, .after = std::move(row)});
}

bool read_user(db::Rows& rows, netmap::Changes& out) {
  keep(netmap::User{.id = {rows.number(0)},
                    .login = std::string(rows.text(1)),
                    .display_name = std::string(rows.text(2)),
                    .created = from_micros(rows.number(3))},
       out);
  return true;
}

bool read_auth_key(db::Rows& rows, netmap::Changes& out) {
  netmap::AuthKey key;
  key.id = rows.text(0);
  if (!read_bytes(rows, 1, key.hash)) return false;
  key.user = {rows.number(2)};
  key.description = rows.text(3);
  key.is_reusable = rows.number(4) != 0;
  key.is_ephemeral = rows.number(5) != 0;
  key.created = from_micros(rows.number(6));
  key.expires = maybe_time(rows, 7);
  key.revoked = maybe_time(rows, 8);
  key.uses = static_cast<std::uint64_t>(rows.number(9));
  keep(std::move(key), out);
  return true;
}

bool read_node(db::Rows& rows, netmap::Changes& out) {
  netmap::Node node;
  node.id = {rows.number(0)};
  node.stable_id = rows.text(1);
  NodePublicKey old;
  const bool is_good = read_key(rows, 2, node.machine) && read_key(rows, 3, node.key) &&
                       read_key(rows, 4, old) && read_v4(rows, 9, node.v4);
  if (!is_good) return false;
  if (!old.is_zero()) node.old_key = old;
  node.user = {rows.number(5)};
  node.hostname = rows.text(6);
  node.name = rows.text(7);
  node.is_name_fixed = rows.number(8) != 0;
  node.is_ephemeral = rows.number(10) != 0;
  node.auth_key_id = rows.maybe_text(11).value_or("");
  node.key_expiry = maybe_time(rows, 12);
  node.created = from_micros(rows.number(13));
  keep(std::move(node), out);
  return true;
}

bool read_address(db::Rows& rows, netmap::Changes& out) {
  netmap::AddressLease lease;
  if (!read_v4(rows, 1, lease.v4)) return false;
  lease.node = {rows.number(0)};
  lease.released = maybe_time(rows, 2);
  keep(lease, out);
  return true;
}

bool read_name(db::Rows& rows, netmap::Changes& out) {
  keep(netmap::NameLease{.name = std::string(rows.text(0)),
                         .node = {rows.number(1)},
                         .user = {rows.number(2)},
                         .released = maybe_time(rows, 3)},
       out);
  return true;
}

// A part that does not decode is left out: the node says it again.
bool read_soft(db::Rows& rows, std::vector<SoftRow>& out) {
  SoftState state;
  if (!read_key(rows, 1, state.disco_key)) return false;
  state.home = {static_cast<std::uint16_t>(rows.number(2))};
  state.version = static_cast<std::uint16_t>(rows.number(3));
  const std::string endpoints(rows.text(4));
  for (std::size_t at = 0; at < endpoints.size();) {
    const std::size_t end = std::min(endpoints.find(' ', at), endpoints.size());
    if (const auto endpoint = Endpoint::parse(endpoints.substr(at, end - at))) {
      state.endpoints.push_back(*endpoint);
    }
    at = end + 1;
  }
  if (auto hostinfo = decode<Hostinfo>(rows.text(5))) state.hostinfo = std::move(*hostinfo);
  state.last_seen = maybe_time(rows, 6);
  out.push_back({.node = {rows.number(0)}, .state = std::move(state)});
  return true;
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

db::Result<StoredRows> read_rows(db::Connection& connection) {
  StoredRows out;
  const auto table = [&](std::string_view entity, std::string_view sql, auto read, auto& into) {
    return read_table(connection, entity, sql, out.bad,
                      [&](db::Rows& rows) { return read(rows, into); });
  };
  WARREN_TRY_VOID(table("user",
                        "SELECT id, login, display_name, created_at FROM app_user "
                        "WHERE net = $1 ORDER BY id",
                        read_user, out.rows));
  WARREN_TRY_VOID(table("auth_key",
                        "SELECT id, hash, user_id, description, reusable, ephemeral, created_at, "
                        "expires_at, revoked_at, uses FROM auth_key WHERE net = $1 ORDER BY id",
                        read_auth_key, out.rows));
  WARREN_TRY_VOID(table("address",
                        "SELECT node_id, ip, released_at FROM address WHERE net = $1 ORDER BY ip",
                        read_address, out.rows));
  WARREN_TRY_VOID(table("name",
                        "SELECT name, node_id, user_id, released_at FROM name_lease "
                        "WHERE net = $1 ORDER BY name",
                        read_name, out.rows));
  WARREN_TRY_VOID(table("node",
                        "SELECT id, stable_id, machine_key, node_key, old_node_key, user_id, "
                        "hostname, name, name_fixed, ipv4, ephemeral, auth_key_id, key_expiry, "
                        "created_at FROM node WHERE net = $1 ORDER BY id",
                        read_node, out.rows));
  WARREN_TRY_VOID(table("node_soft",
                        "SELECT node_id, disco_key, home_derp, capver, endpoints, hostinfo, "
                        "last_seen_at FROM node_soft WHERE net = $1 ORDER BY node_id",
                        read_soft, out.soft));
  WARREN_TRY(const auto seq,
             connection.query_number("SELECT seq FROM log_head WHERE net = $1", {kNetwork}));
  out.seq = seq.value_or(0);
  return out;
}

}  // namespace warren::control
