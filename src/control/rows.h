#pragma once

#include <vector>

#include "base/result.h"
#include "control/core/actions.h"
#include "db/connection.h"
#include "db/writer.h"
#include "netmap/changes.h"

// The model's rows as SQL (schema.h). All of network 1: there is one so far.
namespace warren::control {

inline constexpr std::int64_t kNetwork = 1;

// What makes the change durable: the row, and its line in the change log.
void append_statements(const netmap::Change& change,
                       std::int64_t seq,
                       WallTime now,
                       std::vector<db::Statement>& out);
void append_statements(const SoftRow& row, std::vector<db::Statement>& out);

std::string_view entity_of(const netmap::Change& change);
std::string id_of(const netmap::Change& change);

// A row that was read but is none that this program can use.
struct BadRow {
  std::string entity;
  std::string id;
  std::string reason;

  bool operator==(const BadRow&) const = default;
};

struct StoredRows {
  netmap::Changes rows;  // in an order in which none misses what it stands on
  std::vector<SoftRow> soft;
  std::vector<BadRow> bad;
  std::int64_t seq = 0;
};

db::Result<StoredRows> read_rows(db::Connection& connection);

std::string_view kind_text(netmap::NodeKind kind);
std::int64_t to_micros(WallTime time);
WallTime from_micros(std::int64_t micros);

}  // namespace warren::control
