#include "db/writer.h"

#include <algorithm>
#include <csignal>
#include <ctime>

#include <pthread.h>

#include <fmt/format.h>

namespace warren::db {

namespace {

// Spec: server section 2.2.
constexpr std::int64_t kPassivePages = 1'000;
constexpr std::int64_t kTruncatePages = (std::int64_t{64} << 20) / 4096;
constexpr Duration kTruncateEvery = 1h;
constexpr std::string_view kDamaged =
    "the database is damaged: what can be read is saved at the next start";
constexpr std::string_view kFailsTwice = "the disk failed to write twice in an hour: replace it";
constexpr std::string_view kFails = "the disk fails to write: replace it";
constexpr Duration kFlushFailuresApart = 1h;  // spec: server section 2.4

TimePoint boot_time() {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  return TimePoint(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

// Signals belong to the thread that runs the program's event loop.
std::thread start_without_signals(std::move_only_function<void()> body) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread out(std::move(body));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_setname_np(out.native_handle(), "database");
  return out;
}

Result<void> run_statements(Connection& connection, const std::vector<Statement>& statements) {
  for (const Statement& statement : statements) {
    WARREN_TRY(const std::int64_t changed, connection.execute(statement.sql, statement.values));
    if (statement.must_change && changed != *statement.must_change) {
      return fail(Errc::Constraint, fmt::format("{} rows changed instead of {} by: {}", changed,
                                                *statement.must_change, statement.sql));
    }
  }
  return {};
}

}  // namespace

Writer::Writer(Database& database, WriterOptions options)
    : database_(database), options_(std::move(options)), last_truncate_(now()) {
  if (const auto& why = database_.report().read_only) {
    for_good_ = true;
    state_ = {
        .writable = false,
        .reason = why->code,
        .sentence = fmt::format("nothing can be stored until the next start: {}", why->detail)};
  }
  thread_ = start_without_signals([this] { run(); });
}

Writer::~Writer() {
  stop();
}

TimePoint Writer::now() const {
  return options_.now ? options_.now() : boot_time();
}

void Writer::submit(Batch batch, Completion done) {
  Error why;
  {
    const MutexLock lock(mutex_);
    if (!stopping_ && queue_.size() < options_.max_queue) {
      queue_.push_back({std::move(batch), std::move(done)});
      wake_.notify_one();
      return;
    }
    ++counters_.refused;
    why = {Errc::Busy, stopping_ ? "the server is stopping" : "too many changes wait to be stored"};
  }
  done(unexpected(std::move(why)));
}

void Writer::retry_now() {
  const MutexLock lock(mutex_);
  retry_asked_ = true;
  wake_.notify_one();
}

void Writer::stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

WriterState Writer::state() const {
  const MutexLock lock(mutex_);
  return state_;
}

WriterCounters Writer::counters() const {
  const MutexLock lock(mutex_);
  return counters_;
}

void Writer::run() {
  while (auto job = next_job()) {
    auto result = perform(job->batch);
    job->done(std::move(result));
  }
  if (database_.connection() != nullptr && !for_good_) checkpoint(Connection::Checkpoint::Truncate);
}

// Waits for a batch and does, while it waits, what is due; nothing when everything is done and the
// writer is to stop.
std::optional<Writer::Job> Writer::next_job() {
  for (;;) {
    bool look = false;
    {
      const MutexLock lock(mutex_);
      if (!queue_.empty()) {
        Job out = std::move(queue_.front());
        queue_.pop_front();
        return out;
      }
      if (stopping_) return std::nullopt;
      look = std::exchange(retry_asked_, false);
    }
    if (look || now() >= next_retry_) retry();
    checkpoint_when_due();
    {
      const MutexLock lock(mutex_);
      if (!queue_.empty() || stopping_ || retry_asked_) continue;
      const TimePoint due = std::min(next_retry_, last_truncate_ + kTruncateEvery);
      wake_.wait_for(mutex_, std::max<Duration>(due - now(), 0s));
    }
  }
}

Result<void> Writer::perform(Batch& batch) {
  {
    const MutexLock lock(mutex_);
    const bool tried = state_.writable || (state_.reason == Errc::Full &&
                                           batch.need == Need::EvenWhenFull && !for_good_);
    if (!tried) {
      ++counters_.refused;
      return fail(state_.reason, state_.sentence);
    }
  }
  auto done = commit(batch);
  if (!done) done = after_failure(batch, std::move(done).error());
  {
    const MutexLock lock(mutex_);
    ++(done ? counters_.committed : counters_.failed);
  }
  // Also while batches wait: readers or a flood must not make the log grow without end.
  Connection* const connection = database_.connection();
  if (connection != nullptr && connection->log_pages() >= kTruncatePages) checkpoint_when_due();
  return done;
}

Result<void> Writer::commit(Batch& batch) {
  Connection* const connection = database_.connection();
  if (connection == nullptr) return fail(Errc::Io, "the database is closed");
  WARREN_TRY(Transaction transaction, Transaction::begin(*connection));
  if (const auto* statements = std::get_if<std::vector<Statement>>(&batch.work)) {
    WARREN_TRY_VOID(run_statements(*connection, *statements));
  } else {
    WARREN_TRY_VOID(std::get<BatchFunction>(batch.work)(*connection));
  }
  return transaction.commit();
}

// The batch is undone, or it is found out whether it is.
Result<void> Writer::after_failure(const Batch& batch, Error error) {
  switch (error.code) {
    case Errc::Full:
      database_.reserve().release();
      checkpoint(Connection::Checkpoint::Truncate);
      refuse_writes(error, "the disk is full: free some space, and it goes on by itself");
      break;
    case Errc::ReadOnly:
      refuse_writes(error, "the file system of the database cannot be written");
      break;
    case Errc::Corrupt:
      for_good_ = true;
      refuse_writes(error, kDamaged);
      break;
    case Errc::Io:
    case Errc::Flush:
      return find_out(batch, std::move(error));
    case Errc::Busy:
    case Errc::Constraint:
    case Errc::Interrupted:
    case Errc::Refused:
    case Errc::Other:
      break;
  }
  return unexpected(std::move(error));
}

// The system failed to write, and may have dropped what it had not written yet: memory and disk say
// different things. So the file is opened again and its log copied into the database, which writes
// it all anew. What is there then is stored.
Result<void> Writer::find_out(const Batch& batch, Error error) {
  const bool again = is_second_failure();
  auto usable = database_.reopen();
  if (usable) {
    auto copied = database_.connection()->checkpoint(Connection::Checkpoint::Truncate);
    if (!copied && copied.error().code == Errc::Busy) {
      // A reader keeps the log, but what it holds was copied and flushed.
      copied = database_.connection()->checkpoint(Connection::Checkpoint::Passive);
    }
    if (!copied) usable = unexpected(std::move(copied).error());
  }
  if (!usable) {
    for_good_ = usable.error().code == Errc::Corrupt || again;
    refuse_writes(usable.error(), kFails);
    error.detail += "; whether it was stored is not known";
    return unexpected(std::move(error));
  }
  if (again) {
    for_good_ = true;
    refuse_writes(error, kFailsTwice);
  }
  if (!batch.mark || !options_.read_mark) return unexpected(std::move(error));
  WARREN_TRY(const std::int64_t mark, options_.read_mark(*database_.connection()));
  if (mark < *batch.mark) return unexpected(std::move(error));
  return {};
}

// Counts a failure of the system to write; true when there was another in the hour before.
bool Writer::is_second_failure() {
  const TimePoint at = now();
  const bool again = last_flush_failure_ && at - *last_flush_failure_ < kFlushFailuresApart;
  last_flush_failure_ = at;
  copied_pages_ = 0;
  const MutexLock lock(mutex_);
  ++counters_.reopened;
  return again;
}

void Writer::refuse_writes(const Error& error, std::string_view help) {
  next_retry_ = for_good_ ? kNever : now() + options_.retry_every;
  set_state({.writable = false,
             .reason = error.code,
             .sentence = fmt::format("{} ({})", help, error.detail)});
}

void Writer::set_state(WriterState state) {
  {
    const MutexLock lock(mutex_);
    if (state_ == state) return;
    state_ = state;
  }
  if (options_.on_state) options_.on_state(state);
}

void Writer::retry() {
  next_retry_ = kNever;
  const WriterState before = state();
  if (before.writable || for_good_) return;
  auto works = before.reason == Errc::Full ? database_.reserve().refill() : database_.reopen();
  if (works) works = probe();
  if (works) {
    set_state({});
    return;
  }
  if (before.reason == Errc::Full) database_.reserve().release();
  next_retry_ = now() + options_.retry_every;
}

// A commit that changes nothing, but is written and flushed like any other.
Result<void> Writer::probe() {
  Connection* const connection = database_.connection();
  if (connection == nullptr) WARREN_TRY_VOID(database_.reopen());
  Connection& open = *database_.connection();
  WARREN_TRY(Transaction transaction, Transaction::begin(open));
  WARREN_TRY(const auto version, open.query_number("PRAGMA user_version"));
  WARREN_TRY_VOID(open.script(fmt::format("PRAGMA user_version = {}", version.value_or(0))));
  return transaction.commit();
}

void Writer::checkpoint_when_due() {
  const bool hourly = now() - last_truncate_ >= kTruncateEvery;
  if (hourly) last_truncate_ = now();
  Connection* const connection = database_.connection();
  if (connection == nullptr || for_good_) return;
  const std::int64_t pages = connection->log_pages();
  if (pages < copied_pages_) copied_pages_ = 0;  // the log began anew
  const bool grown = pages - copied_pages_ >= kPassivePages;
  if ((hourly && pages > 0) || (grown && pages >= kTruncatePages)) {
    checkpoint(Connection::Checkpoint::Truncate);
  } else if (grown) {
    checkpoint(Connection::Checkpoint::Passive);
  }
}

void Writer::checkpoint(Connection::Checkpoint how) {
  Connection& connection = *database_.connection();
  const auto rest = connection.checkpoint(how);
  copied_pages_ = connection.log_pages();
  if (!rest) {
    after_checkpoint_failure(rest.error());
    return;
  }
  const MutexLock lock(mutex_);
  if (*rest == 0) ++counters_.checkpoints;
}

// Nothing is lost: the log keeps what it could not copy. For want of space, or because of a reader,
// it is tried again after the next thousand pages.
void Writer::after_checkpoint_failure(const Error& error) {
  if (error.code == Errc::Corrupt) {
    for_good_ = true;
    refuse_writes(error, kDamaged);
    return;
  }
  if (error.code != Errc::Io && error.code != Errc::Flush) return;
  for_good_ = is_second_failure();
  auto reopened = database_.reopen();
  if (for_good_) {
    refuse_writes(error, kFailsTwice);
  } else if (!reopened) {
    refuse_writes(reopened.error(), kFails);
  }
}

}  // namespace warren::db
