#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "control/core/actions.h"
#include "control/rows.h"
#include "db/database.h"
#include "db/writer.h"
#include "netmap/model.h"

namespace warren::control {

// Row numbers from blocks that the database has given away before one of them is used, or with the
// commit that uses it: so none is used twice, whatever happens (spec: server section 1.2). What is
// not stored may have used numbers beyond the block: nobody has heard of them.
class StoredIds final : public netmap::IdSource {
 public:
  netmap::UserId next_user() override { return {users_.next++}; }

  netmap::NodeId next_node() override { return {nodes_.next++}; }

 private:
  friend class Store;

  struct Range {
    std::int64_t next = 0;
    std::int64_t end = 0;
    std::int64_t asked_end = 0;  // what the commit under way reserves
  };

  Range users_;
  Range nodes_;
};

// The model on the disk: a database with its writer thread (spec: server section 2).
class Store {
 public:
  // `program` is its name and version, for people who look at the file.
  static Result<std::unique_ptr<Store>> open(const std::string& directory,
                                             const std::string& program,
                                             WallTime now,
                                             Log log);
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  ~Store();

  const db::OpenReport& report() const { return database_->report(); }

  // Fills an empty model, and says what the nodes said last. A row that breaks an invariant is set
  // aside and reported; the server starts all the same (demand R10).
  Result<std::vector<SoftRow>> load(netmap::Model& model, WallTime now);

  // How many rows load() has set aside.
  std::size_t set_aside() const { return set_aside_; }

  netmap::IdSource& ids() { return ids_; }

  // One at a time. `done` is called once, on the writer's thread.
  void commit(const Commit& what, WallTime now, std::function<void(Result<void>)> done);

  db::WriterState state() const { return writer_->state(); }

  db::WriterCounters counters() const { return writer_->counters(); }

  // Everything that was given is on the disk, or was refused.
  void stop();

 private:
  Store(std::unique_ptr<db::Database> database, Log log);
  db::Result<void> read_ids(db::Connection& connection);
  // Reserves row numbers and notes what is set aside.
  db::Result<void> prepare(db::Connection& connection,
                           const std::vector<BadRow>& bad,
                           WallTime now);

  std::unique_ptr<db::Database> database_;
  std::unique_ptr<db::Writer> writer_;
  Log log_;
  StoredIds ids_;
  std::size_t set_aside_ = 0;
  // Set on the writer's thread before `done`; so the next commit sees it.
  std::atomic<std::int64_t> seq_ = 0;  // of the last change that is on the disk
  std::atomic<bool> last_is_stored_ = true;
};

}  // namespace warren::control
