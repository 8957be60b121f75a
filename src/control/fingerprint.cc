#include "control/fingerprint.h"

#include <fmt/format.h>

#include "base/hex.h"
#include "crypto/sha256.h"

namespace warren::control {
namespace {

constexpr std::int64_t kWithDevices = 2;  // the first version with tags

db::Result<std::int64_t> count(db::Connection& connection, std::string_view table) {
  WARREN_TRY(const auto rows,
             connection.query_number(fmt::format("SELECT COUNT(*) FROM {}", table)));
  return rows.value_or(0);
}

}  // namespace

db::Result<std::string> fingerprint(db::Connection& connection, std::int64_t version) {
  WARREN_TRY(const std::int64_t users, count(connection, "app_user"));
  WARREN_TRY(const std::int64_t keys, count(connection, "auth_key"));
  const std::string_view tags = version < kWithDevices ? "''" : "COALESCE(tags, '')";
  WARREN_TRY(auto rows,
             connection.query(fmt::format("SELECT net, id, machine_key, node_key, ipv4, name, "
                                          "COALESCE(user_id, 0), {} FROM node ORDER BY net, id",
                                          tags)));
  std::string text;
  std::int64_t nodes = 0;
  for (;; ++nodes) {
    WARREN_TRY(const bool is_there, rows.next());
    if (!is_there) break;
    text += fmt::format("{} {} {} {} {} {} {} {}\n", rows.number(0), rows.number(1),
                        to_hex(rows.bytes(2)), to_hex(rows.bytes(3)), to_hex(rows.bytes(4)),
                        rows.text(5), rows.number(6), rows.text(7));
  }
  return fmt::format("users={} auth_keys={} nodes={} digest={}", users, keys, nodes,
                     to_hex(sha256(as_bytes(text))));
}

}  // namespace warren::control
