#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <variant>
#include <vector>

#include "base/mutex.h"
#include "base/time.h"
#include "db/connection.h"
#include "db/database.h"
#include "db/error.h"
#include "db/value.h"

// The thread that writes (spec: server sections 2.2 and 2.4). It takes batches, commits each as one
// transaction, and says so when the batch is on the disk.
//
// When storage fails it says why and turns read-only: batches are then refused at once, until a
// look every ten seconds finds that writing works again. It never acknowledges what is not on the
// disk. It may refuse what is there after all, only when the disk itself does not answer.
namespace warren::db {

struct Statement {
  std::string_view sql;  // a constant
  std::vector<Value> values;
  // How many rows it has to change: a batch that builds on one that failed then finds that its
  // foundation is missing (for example "UPDATE … SET seq = $1 WHERE seq = $2").
  std::optional<std::int64_t> must_change = {};
};

// Runs within the batch's transaction, on the writer's thread.
using BatchFunction = std::move_only_function<Result<void>(Connection&)>;

// Called once, on the writer's thread; posts to its owner's executor and returns soon.
using Completion = std::move_only_function<void(Result<void>)>;

enum class Need : std::uint8_t {
  Ordinary,
  EvenWhenFull,  // tried in the reserved space when the disk is full: audit, deletions
};

struct Batch {
  std::variant<std::vector<Statement>, BatchFunction> work;
  Need need = Need::Ordinary;
  // What WriterOptions::read_mark says once the batch is stored, for example the highest sequence
  // number. Grows with each batch.
  std::optional<std::int64_t> mark = {};
};

struct WriterState {
  bool writable = true;
  Errc reason = Errc::Other;  // when not writable
  std::string sentence;       // for a person: why, and what helps

  bool operator==(const WriterState&) const = default;
};

struct WriterCounters {
  std::uint64_t committed = 0;
  std::uint64_t failed = 0;       // in their transaction
  std::uint64_t refused = 0;      // because nothing can be written, or the queue was full
  std::uint64_t checkpoints = 0;  // that left nothing to copy
  std::uint64_t reopened = 0;     // after the system failed to write
};

struct WriterOptions {
  std::size_t max_queue = 64;  // batches; the model has two on the way (spec: server section 1.4)
  Duration retry_every = 10s;  // spec: server section 2.4
  // How far the database is, compared with Batch::mark when a flush failed.
  std::function<Result<std::int64_t>(Connection&)> read_mark = {};
  // Called on the writer's thread when the state changed.
  std::function<void(const WriterState&)> on_state = {};
  std::function<TimePoint()> now = {};  // for tests; the boot clock when there is none
};

class Writer {
 public:
  // `database` outlives the writer, and is the writer's alone until stop() returned.
  Writer(Database& database, WriterOptions options);
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer();  // stops

  // From any thread. The completion is called for every batch, also for one that is refused, then
  // by this call.
  void submit(Batch batch, Completion done);

  // From any thread: looks now whether writing works again.
  void retry_now();

  // Commits what is queued, copies the log into the database, and ends the thread. Whatever is
  // submitted afterwards is refused.
  void stop();

  WriterState state() const;
  WriterCounters counters() const;

 private:
  struct Job {
    Batch batch;
    Completion done;
  };

  void run();
  std::optional<Job> next_job();
  Result<void> perform(Batch& batch);
  Result<void> commit(Batch& batch);
  Result<void> after_failure(const Batch& batch, Error error);
  Result<void> find_out(const Batch& batch, Error error);
  bool is_second_failure();
  void after_checkpoint_failure(const Error& error);
  void retry();
  Result<void> probe();
  void checkpoint(Connection::Checkpoint how);
  void checkpoint_when_due();
  void set_state(WriterState state);
  void refuse_writes(const Error& error, std::string_view help);
  TimePoint now() const;

  Database& database_;
  const WriterOptions options_;

  mutable Mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<Job> queue_ WARREN_GUARDED_BY(mutex_);
  bool stopping_ WARREN_GUARDED_BY(mutex_) = false;
  bool retry_asked_ WARREN_GUARDED_BY(mutex_) = false;
  WriterState state_ WARREN_GUARDED_BY(mutex_);
  WriterCounters counters_ WARREN_GUARDED_BY(mutex_);

  // The thread's own.
  TimePoint next_retry_ = kNever;
  TimePoint last_truncate_;
  std::optional<TimePoint> last_flush_failure_;
  std::int64_t copied_pages_ = 0;  // of the log, by the last checkpoint
  bool for_good_ = false;          // read-only until the next start

  std::thread thread_;
};

}  // namespace warren::db
