#include "control/store.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "control/fingerprint.h"
#include "control/schema.h"

namespace warren::control {
namespace {

constexpr std::int64_t kIdBlock = 1024;  // spec: server section 1.2

db::Result<std::int64_t> next_in_block(db::Connection& connection, std::string_view kind) {
  WARREN_TRY(const auto next,
             connection.query_number("SELECT next FROM id_block WHERE net = $1 AND kind = $2",
                                     {kNetwork, kind}));
  return next.value_or(1);
}

db::Result<std::int64_t> read_seq(db::Connection& connection) {
  WARREN_TRY(const auto seq,
             connection.query_number("SELECT seq FROM log_head WHERE net = $1", {kNetwork}));
  return seq.value_or(0);
}

db::Result<std::int64_t> take_block(db::Connection& connection, std::string_view kind) {
  WARREN_TRY(const std::int64_t first, next_in_block(connection, kind));
  WARREN_TRY_VOID(
      connection.execute("INSERT INTO id_block (net, kind, next) VALUES ($1, $2, $3) "
                         "ON CONFLICT (net, kind) DO UPDATE SET next = excluded.next",
                         {kNetwork, kind, first + kIdBlock}));
  return first;
}

// What was asked for counts when it is on the disk.
void settle(auto& range, bool is_stored) {
  if (is_stored) range.end = range.asked_end;
  range.asked_end = range.end;
}

void renew(auto& range, std::string_view kind, std::vector<db::Statement>& out) {
  if (range.end - range.next > kIdBlock / 2) return;
  range.asked_end = std::max(range.next, range.end) + kIdBlock;
  out.push_back({.sql = "UPDATE id_block SET next = $3 WHERE net = $1 AND kind = $2",
                 .values = {kNetwork, kind, range.asked_end},
                 .must_change = 1});
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const std::string& directory,
                                           const std::string& program,
                                           WallTime now,
                                           Log log) {
  db::OpenOptions options;
  options.directory = directory;
  options.migrations = {.list = kMigrations, .program = program, .fingerprint = fingerprint};
  options.now = now;
  auto database = db::Database::open(std::move(options));
  if (!database) return unexpected(db::to_general(std::move(database).error()));
  return std::unique_ptr<Store>(new Store(std::move(*database), std::move(log)));
}

Store::Store(std::unique_ptr<db::Database> database, Log log)
    : database_(std::move(database)), log_(std::move(log)) {}

Store::~Store() {
  stop();
}

Result<std::vector<SoftRow>> Store::load(netmap::Model& model, WallTime now) {
  db::Connection* const connection = database_->connection();
  WARREN_CHECK(connection != nullptr && !writer_);
  auto stored = read_rows(*connection);
  if (!stored) return unexpected(db::to_general(std::move(stored).error()));
  for (const netmap::Change& row : stored->rows) {
    const auto loaded = model.load(row);
    if (loaded) continue;
    stored->bad.push_back(
        {.entity = std::string(entity_of(row)), .id = id_of(row), .reason = loaded.error().detail});
  }
  for (const BadRow& bad : stored->bad) {
    log_.error("control: a record is set aside entity={} id={} reason={}", bad.entity, bad.id,
               bad.reason);
  }
  set_aside_ = stored->bad.size();
  seq_ = stored->seq;
  const auto prepared = database_->report().read_only ? read_ids(*connection)
                                                      : prepare(*connection, stored->bad, now);
  if (!prepared) return unexpected(db::to_general(prepared.error()));
  db::WriterOptions options;
  options.read_mark = read_seq;
  options.on_state = [this](const db::WriterState& state) {
    if (state.writable) {
      log_.info("control: the database can be written again");
    } else {
      log_.warn("control: nothing can be stored reason={}", state.sentence);
    }
  };
  writer_ = std::make_unique<db::Writer>(*database_, std::move(options));
  return std::move(stored->soft);
}

// Nothing will be stored: any number that no row has will do.
db::Result<void> Store::read_ids(db::Connection& connection) {
  for (auto [range, kind] : {std::pair(&ids_.users_, "user"), std::pair(&ids_.nodes_, "node")}) {
    WARREN_TRY(const auto next, next_in_block(connection, kind));
    range->next = range->end = range->asked_end = next;
  }
  return {};
}

db::Result<void> Store::prepare(db::Connection& connection,
                                const std::vector<BadRow>& bad,
                                WallTime now) {
  WARREN_TRY(auto transaction, db::Transaction::begin(connection));
  for (auto [range, kind] : {std::pair(&ids_.users_, "user"), std::pair(&ids_.nodes_, "node")}) {
    WARREN_TRY(range->next, take_block(connection, kind));
    range->end = range->asked_end = range->next + kIdBlock;
  }
  for (const BadRow& row : bad) {
    WARREN_TRY_VOID(connection.execute(
        "INSERT INTO quarantine (id, net, entity, entity_id, row, reason, at) "
        "SELECT COALESCE(MAX(id), 0) + 1, $1, $2, $3, '{}', $4, $5 FROM quarantine",
        {kNetwork, row.entity, row.id, row.reason, to_micros(now)}));
  }
  return transaction.commit();
}

void Store::commit(const Commit& what, WallTime now, std::function<void(Result<void>)> done) {
  WARREN_CHECK(writer_ != nullptr);
  settle(ids_.users_, last_is_stored_);
  settle(ids_.nodes_, last_is_stored_);
  std::vector<db::Statement> statements;
  const std::int64_t old_seq = seq_;
  std::int64_t seq = old_seq;
  for (const netmap::Change& change : what.changes) {
    append_statements(change, ++seq, now, statements);
  }
  for (const SoftRow& row : what.soft) append_statements(row, statements);
  renew(ids_.users_, "user", statements);
  renew(ids_.nodes_, "node", statements);
  // Whoever else wrote to the file made this fail (spec: server section 2.2).
  statements.push_back({.sql = "UPDATE log_head SET seq = $2 WHERE net = $1 AND seq = $3",
                        .values = {kNetwork, seq, old_seq},
                        .must_change = 1});
  db::Batch batch;
  batch.work = std::move(statements);
  // What nodes said lately has no number: when in doubt it is written once more.
  if (seq > old_seq) batch.mark = seq;
  writer_->submit(std::move(batch), [this, seq, done = std::move(done)](db::Result<void> result) {
    last_is_stored_ = result.has_value();
    if (result) seq_ = seq;
    done(result ? Result<void>() : unexpected(db::to_general(std::move(result).error())));
  });
}

void Store::stop() {
  if (writer_) writer_->stop();
}

}  // namespace warren::control
