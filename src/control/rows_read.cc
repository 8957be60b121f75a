#include <algorithm>
#include <array>
#include <string>

#include "control/rows.h"
#include "proto/control/codec.h"

namespace warren::control {
namespace {

std::optional<WallTime> maybe_time(db::Rows& rows, int column) {
  const auto micros = rows.maybe_number(column);
  if (!micros) return std::nullopt;
  return from_micros(*micros);
}

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

netmap::Owner read_owner(db::Rows& rows, int user, int tags) {
  netmap::Owner out;
  if (!rows.is_null(user)) out.user = {rows.number(user)};
  const std::string text(rows.maybe_text(tags).value_or(""));
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    out.tags.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

bool read_kind(std::string_view text, netmap::NodeKind& out) {
  for (const auto kind :
       {netmap::NodeKind::Mesh, netmap::NodeKind::Device, netmap::NodeKind::Hub}) {
    if (kind_text(kind) != text) continue;
    out = kind;
    return true;
  }
  return false;
}

bool read_auth_key(db::Rows& rows, netmap::Changes& out) {
  netmap::AuthKey key;
  key.id = rows.text(0);
  if (!read_bytes(rows, 1, key.hash)) return false;
  key.owner = read_owner(rows, 2, 3);
  key.description = rows.text(4);
  key.is_reusable = rows.number(5) != 0;
  key.is_ephemeral = rows.number(6) != 0;
  key.created = from_micros(rows.number(7));
  key.expires = maybe_time(rows, 8);
  key.revoked = maybe_time(rows, 9);
  key.uses = static_cast<std::uint64_t>(rows.number(10));
  keep(std::move(key), out);
  return true;
}

bool read_node(db::Rows& rows, netmap::Changes& out) {
  netmap::Node node;
  node.id = {rows.number(0)};
  node.stable_id = rows.text(1);
  NodePublicKey old;
  const bool is_good = read_kind(rows.text(2), node.kind) && read_key(rows, 3, node.machine) &&
                       read_key(rows, 4, node.key) && read_key(rows, 5, old) &&
                       read_v4(rows, 11, node.v4);
  if (!is_good) return false;
  if (!old.is_zero()) node.old_key = old;
  node.owner = read_owner(rows, 6, 7);
  node.hostname = rows.text(8);
  node.name = rows.text(9);
  node.is_name_fixed = rows.number(10) != 0;
  node.is_ephemeral = rows.number(12) != 0;
  node.auth_key_id = rows.maybe_text(13).value_or("");
  node.key_expiry = maybe_time(rows, 14);
  node.created = from_micros(rows.number(15));
  keep(std::move(node), out);
  return true;
}

bool read_device(db::Rows& rows, netmap::Changes& out) {
  keep(netmap::Device{.node = {rows.number(0)},
                      .is_disabled = rows.number(1) != 0,
                      .expires = maybe_time(rows, 2)},
       out);
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

}  // namespace

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
  WARREN_TRY_VOID(
      table("auth_key",
            "SELECT id, hash, user_id, tags, description, reusable, ephemeral, "
            "created_at, expires_at, revoked_at, uses FROM auth_key WHERE net = $1 ORDER BY id",
            read_auth_key, out.rows));
  WARREN_TRY_VOID(table("address",
                        "SELECT node_id, ip, released_at FROM address WHERE net = $1 ORDER BY ip",
                        read_address, out.rows));
  WARREN_TRY_VOID(table("name",
                        "SELECT name, node_id, user_id, released_at FROM name_lease "
                        "WHERE net = $1 ORDER BY name",
                        read_name, out.rows));
  WARREN_TRY_VOID(
      table("node",
            "SELECT id, stable_id, kind, machine_key, node_key, old_node_key, user_id, "
            "tags, hostname, name, name_fixed, ipv4, ephemeral, auth_key_id, key_expiry, "
            "created_at FROM node WHERE net = $1 ORDER BY id",
            read_node, out.rows));
  WARREN_TRY_VOID(table("device",
                        "SELECT node_id, disabled, expires_at FROM device "
                        "WHERE net = $1 ORDER BY node_id",
                        read_device, out.rows));
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
