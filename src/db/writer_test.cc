#include "db/writer.h"

#include <atomic>
#include <future>
#include <optional>

#include <sqlite3.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "db/fault_vfs.h"
#include "db/test_schema.h"
#include "db/testing.h"

namespace warren::db {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr Duration kLong = std::chrono::hours(24);  // the tests say when it is time to retry

class WriterTest : public testing::Test {
 protected:
  WriterTest() {
    database_ = must(open());
    EXPECT_TRUE(database_->connection()->execute("UPDATE head SET seq = 0"));
  }

  ~WriterTest() override {
    writer_.reset();
    vfs_.set_fault({});
  }

  Result<std::unique_ptr<Database>> open() {
    return Database::open({.directory = directory_.file("state"),
                           .migrations = test_migrations(3),
                           .now = {},
                           .vfs = vfs_.name()});
  }

  void start(WriterOptions options = {}) {
    options.retry_every = kLong;
    options.read_mark = [](Connection& c) -> Result<std::int64_t> {
      WARREN_TRY(const auto seq, c.query_number("SELECT seq FROM head"));
      return seq.value_or(-1);
    };
    options.on_state = [this](const WriterState& state) {
      const MutexLock lock(mutex_);
      states_.push_back(state);
      changed_.notify_all();
    };
    options.now = [this] { return TimePoint(Duration(now_.load())); };
    writer_.emplace(*database_, std::move(options));
  }

  std::future<Result<void>> submit(Batch batch) {
    std::promise<Result<void>> promise;
    auto future = promise.get_future();
    writer_->submit(std::move(batch), [promise = std::move(promise)](Result<void> result) mutable {
      promise.set_value(std::move(result));
    });
    return future;
  }

  // One more user, and the head moved on from what it was.
  static Batch next(std::int64_t seq) {
    return {
        .work = std::vector<Statement>{{.sql = "INSERT INTO app_user (id, login) VALUES ($1, $2)",
                                        .values = {seq, fmt::format("user-{}", seq)}},
                                       {.sql = "UPDATE head SET seq = $1 WHERE seq = $2",
                                        .values = {seq, seq - 1},
                                        .must_change = 1}},
        .mark = seq};
  }

  Result<void> write(Batch batch) { return submit(std::move(batch)).get(); }

  // Waits until the state changed that often.
  std::vector<WriterState> states(std::size_t count) {
    const MutexLock lock(mutex_);
    while (states_.size() < count) changed_.wait(mutex_);
    return states_;
  }

  // What another process would find.
  std::optional<std::int64_t> stored(const std::string& what = "seq") {
    Connection reader = must(database_->open_reader());
    return must(reader.query_number("SELECT " + what + " FROM head"));
  }

  // The nth operation of this kind from now on fails, once.
  void fail_once(Operation operation, int code, int nth = 1) {
    vfs_.set_fault([operation, code, left = nth](Operation asked, const std::string&) mutable {
      return asked == operation && --left == 0 ? code : SQLITE_OK;
    });
  }

  // Every operation of this kind fails.
  void fail_always(Operation operation, int code) {
    vfs_.set_fault([operation, code](Operation asked, const std::string&) {
      return asked == operation ? code : SQLITE_OK;
    });
  }

  // On the writer's thread, which is not in an operation then.
  void set_within_batch(std::function<void()> set) {
    EXPECT_TRUE(write({.work = [set = std::move(set)](Connection&) -> Result<void> {
      set();
      return {};
    }}));
  }

  FaultVfs vfs_;
  TemporaryDirectory directory_;
  std::unique_ptr<Database> database_;
  Mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<WriterState> states_ WARREN_GUARDED_BY(mutex_);
  std::atomic<std::int64_t> now_ = 0;
  std::optional<Writer> writer_;
};

TEST_F(WriterTest, CommitsInOrderAndSaysSo) {
  start();
  std::vector<std::future<Result<void>>> results;
  for (std::int64_t seq = 1; seq <= 50; ++seq) results.push_back(submit(next(seq)));
  for (auto& result : results) EXPECT_TRUE(result.get());
  EXPECT_EQ(stored(), 50);
  EXPECT_EQ(writer_->counters().committed, 50U);
}

TEST_F(WriterTest, RunsAFunctionInOneTransaction) {
  start();
  const auto half = write({.work = [](Connection& c) -> Result<void> {
    WARREN_TRY_VOID(c.execute("UPDATE head SET seq = 7"));
    return fail(Errc::Refused, "on second thoughts");
  }});
  EXPECT_EQ(half.error().detail, "on second thoughts");
  EXPECT_EQ(stored(), 0);
  EXPECT_TRUE(write({.work = [](Connection& c) -> Result<void> {
    WARREN_TRY_VOID(c.execute("UPDATE head SET seq = 7"));
    return {};
  }}));
  EXPECT_EQ(stored(), 7);
}

TEST_F(WriterTest, UndoesAWholeBatchWhenItsLastStatementFails) {
  start();
  ASSERT_TRUE(write(next(1)));
  EXPECT_EQ(write(next(1)).error().code, Errc::Constraint);
  EXPECT_EQ(writer_->counters().failed, 1U);
  EXPECT_TRUE(writer_->state().writable);
  EXPECT_TRUE(write(next(2)));
}

TEST_F(WriterTest, ABatchThatBuildsOnAFailedOneFails) {
  start();
  ASSERT_TRUE(write(next(1)));
  EXPECT_THAT(write(next(3)).error().detail, HasSubstr("0 rows changed instead of 1"));
  EXPECT_EQ(stored(), 1);
}

TEST_F(WriterTest, RefusesWhatTheQueueDoesNotHold) {
  start({.max_queue = 2});
  std::promise<void> entered;
  std::promise<void> leave;
  auto first = submit({.work = [&](Connection&) -> Result<void> {
    entered.set_value();
    leave.get_future().wait();
    return {};
  }});
  entered.get_future().wait();
  auto second = submit(next(1));
  auto third = submit(next(2));
  EXPECT_EQ(write(next(3)).error().code, Errc::Busy);
  leave.set_value();
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(second.get());
  EXPECT_TRUE(third.get());
  EXPECT_EQ(writer_->counters().refused, 1U);
}

TEST_F(WriterTest, StopsWithEverythingStoredAndAnEmptyLog) {
  start();
  std::vector<std::future<Result<void>>> results;
  for (std::int64_t seq = 1; seq <= 20; ++seq) results.push_back(submit(next(seq)));
  writer_->stop();
  for (auto& result : results) EXPECT_TRUE(result.get());
  EXPECT_EQ(write(next(21)).error().code, Errc::Busy);
  EXPECT_EQ(std::filesystem::file_size(directory_.file("state/warren.db-wal")), 0U);
  EXPECT_EQ(stored(), 20);
}

TEST_F(WriterTest, CopiesTheLogWhenIdleAndItHasAThousandPages) {
  start();
  ASSERT_TRUE(write({.work = [](Connection& c) -> Result<void> {
    for (std::int64_t i = 0; i < 1100; ++i) {
      WARREN_TRY_VOID(c.execute("INSERT INTO node (net, id, key) VALUES (1, $1, $2)",
                                {i, as_bytes(fmt::format("{:04000}", i))}));
    }
    return {};
  }}));
  // The next batch is taken after the idle work.
  while (writer_->counters().checkpoints == 0) writer_->retry_now();
  EXPECT_EQ(writer_->counters().checkpoints, 1U);
}

TEST_F(WriterTest, OnAFullDiskUndoesReleasesTheReserveAndRecovers) {
  start();
  ASSERT_TRUE(write(next(1)));
  set_within_batch([this] { fail_always(Operation::Write, SQLITE_FULL); });
  EXPECT_EQ(write(next(2)).error().code, Errc::Full);
  EXPECT_FALSE(std::filesystem::exists(directory_.file("state/warren.reserve")));
  EXPECT_THAT(states(1)[0],
              AllOf(testing::Field(&WriterState::writable, false),
                    testing::Field(&WriterState::reason, Errc::Full),
                    testing::Field(&WriterState::sentence, HasSubstr("the disk is full"))));
  EXPECT_EQ(stored(), 1);

  // Refused without trying, but for what must be stored all the same.
  const auto refused = write(next(2));
  EXPECT_EQ(refused.error().code, Errc::Full);
  EXPECT_EQ(refused.error().detail, states(1)[0].sentence);
  writer_->submit(next(9), [this](const Result<void>&) { vfs_.set_fault({}); });
  Batch urgent = next(2);
  urgent.need = Need::EvenWhenFull;
  EXPECT_TRUE(write(std::move(urgent)));

  writer_->retry_now();
  EXPECT_TRUE(states(2)[1].writable);
  EXPECT_TRUE(std::filesystem::exists(directory_.file("state/warren.reserve")));
  EXPECT_TRUE(write(next(3)));
}

TEST_F(WriterTest, RetriesByItselfWhenItIsTime) {
  start();
  set_within_batch([this] { fail_once(Operation::Write, SQLITE_FULL); });
  EXPECT_FALSE(write(next(1)));
  now_ = Duration(kLong).count();
  writer_->submit({}, [](const Result<void>&) {});  // whatever wakes it
  EXPECT_TRUE(states(2)[1].writable);
  EXPECT_TRUE(write(next(1)));
}

TEST_F(WriterTest, StaysReadOnlyWhileTheFileSystemIs) {
  start();
  set_within_batch([this] { fail_always(Operation::Write, SQLITE_READONLY); });
  EXPECT_EQ(write(next(1)).error().code, Errc::ReadOnly);
  EXPECT_EQ(states(1)[0].reason, Errc::ReadOnly);
  writer_->retry_now();
  EXPECT_EQ(write(next(1)).error().code, Errc::ReadOnly);
  writer_->submit({}, [this](const Result<void>&) { vfs_.set_fault({}); });
  writer_->retry_now();
  EXPECT_TRUE(states(2)[1].writable);
  EXPECT_TRUE(write(next(1)));
}

// Everything was in the log when its flush failed, and opening it again stored it.
TEST_F(WriterTest, SaysStoredWhenAFailedFlushLostNothing) {
  start();
  ASSERT_TRUE(write(next(1)));
  set_within_batch([this] { fail_once(Operation::Sync, SQLITE_IOERR_FSYNC); });
  EXPECT_TRUE(write(next(2)));
  EXPECT_EQ(writer_->counters().reopened, 1U);
  EXPECT_EQ(stored(), 2);
  EXPECT_TRUE(write(next(3)));
}

TEST_F(WriterTest, SaysNotStoredWhenAWriteFailed) {
  start();
  ASSERT_TRUE(write(next(1)));
  set_within_batch([this] { fail_once(Operation::Write, SQLITE_IOERR_WRITE); });
  EXPECT_EQ(write(next(2)).error().code, Errc::Io);
  EXPECT_EQ(writer_->counters().reopened, 1U);
  EXPECT_EQ(stored(), 1);
  EXPECT_TRUE(writer_->state().writable);
  EXPECT_TRUE(write(next(2)));
}

// The log keeps what it could not copy.
TEST_F(WriterTest, LosesNothingWhenTheLogCannotBeCopied) {
  start();
  ASSERT_TRUE(write(next(1)));
  set_within_batch([this] { fail_once(Operation::Sync, SQLITE_IOERR_FSYNC, 2); });
  now_ = Duration(2h).count();  // time to empty the log
  while (writer_->counters().reopened == 0) writer_->retry_now();
  EXPECT_TRUE(write(next(2)));
  EXPECT_EQ(stored(), 2);
}

TEST_F(WriterTest, StaysReadOnlyAfterTwoFailedFlushesInAnHour) {
  start();
  for (int time = 0; time < 2; ++time) {
    EXPECT_TRUE(writer_->state().writable);
    set_within_batch([this] { fail_once(Operation::Sync, SQLITE_IOERR_FSYNC); });
    const auto seq = stored().value();
    EXPECT_EQ(write(next(seq + 1)).has_value(), stored() == seq + 1);
    now_ += Duration(10min).count();
  }
  EXPECT_THAT(states(1)[0].sentence, HasSubstr("replace it"));
  writer_->retry_now();
  EXPECT_FALSE(write(next(stored().value() + 1)));
  EXPECT_EQ(writer_->counters().reopened, 2U);
}

TEST_F(WriterTest, AnswersUnknownWhenTheDiskDoesNotAnswer) {
  start();
  ASSERT_TRUE(write(next(1)));
  set_within_batch([this] { fail_always(Operation::Sync, SQLITE_IOERR_FSYNC); });
  const auto lost = write(next(2));
  EXPECT_THAT(lost.error().detail, HasSubstr("whether it was stored is not known"));
  EXPECT_FALSE(states(1)[0].writable);
}

TEST_F(WriterTest, ADamagedFileStopsWritingForGood) {
  start();
  const auto result = write({.work = [](Connection&) -> Result<void> {
    return fail(Errc::Corrupt, "database disk image is malformed");
  }});
  EXPECT_EQ(result.error().code, Errc::Corrupt);
  EXPECT_EQ(states(1)[0].reason, Errc::Corrupt);
  writer_->retry_now();
  EXPECT_EQ(write(next(1)).error().code, Errc::Corrupt);
}

TEST_F(WriterTest, ReadersGoOnWhileItWrites) {
  start();
  std::atomic<bool> done = false;
  std::thread reader([&] {
    Connection c = must(database_->open_reader());
    std::int64_t last = 0;
    while (!done) {
      // Users and head are of one commit.
      const auto seq =
          must(c.query_number("SELECT seq FROM head WHERE seq = (SELECT COUNT(*) FROM app_user)"));
      WARREN_CHECK(seq.has_value() && *seq >= last);
      last = *seq;
    }
  });
  for (std::int64_t seq = 1; seq <= 200; ++seq) EXPECT_TRUE(write(next(seq)));
  done = true;
  reader.join();
}

}  // namespace
}  // namespace warren::db
