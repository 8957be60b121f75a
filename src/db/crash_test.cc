#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <future>

#include <sched.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "db/fault_vfs.h"
#include "db/file.h"
#include "db/test_schema.h"
#include "db/testing.h"
#include "db/writer.h"

// What is left when a process or a machine ends at any moment, and when the disk is full.
namespace warren::db {
namespace {

using testing::HasSubstr;

OpenOptions options(const std::string& directory, const std::string& vfs = {}) {
  return {.directory = directory, .migrations = test_migrations(3), .now = {}, .vfs = vfs};
}

// One user, with the number that follows.
std::vector<Statement> one_more(std::int64_t seq) {
  return {{.sql = "INSERT INTO app_user (id, login) VALUES ($1, $2)",
           .values = {seq, fmt::format("user-{:0200}", seq)}},
          {.sql = "UPDATE head SET seq = $1 WHERE seq = $2",
           .values = {seq, seq - 1},
           .must_change = 1}};
}

// The number of the last commit; what it says is all there and nothing else is.
std::int64_t expect_whole(Database& database) {
  Connection& c = *database.connection();
  const auto seq = must(c.query_number("SELECT seq FROM head")).value();
  EXPECT_EQ(must(c.query_number("SELECT COUNT(*) FROM app_user")), seq);
  EXPECT_EQ(must(c.query_number("SELECT COALESCE(MAX(id), 0) FROM app_user")), seq);
  EXPECT_EQ(must(c.query_text("PRAGMA integrity_check")), "ok");
  EXPECT_FALSE(database.report().salvaged);
  return seq;
}

Result<void> write(Writer& writer, Batch batch) {
  std::promise<Result<void>> promise;
  auto future = promise.get_future();
  writer.submit(std::move(batch), [&](Result<void> result) { promise.set_value(result); });
  return future.get();
}

// The child: commits without end and says each number when it is told that it is stored.
[[noreturn]] void commit_forever(const std::string& directory, int out) {
  const auto database = must(Database::open(options(directory)));
  std::int64_t seq = must(database->connection()->query_number("SELECT seq FROM head")).value();
  Writer writer(*database, {});
  for (;;) {
    ++seq;
    writer.submit({.work = one_more(seq)}, [out, seq](const Result<void>& result) {
      if (result && ::write(out, &seq, sizeof seq) != sizeof seq) _exit(1);
    });
    // Not more batches than the queue holds.
    if (seq % 5 == 0) {
      static_cast<void>(write(writer, {.work = std::vector<Statement>{}}));
    }
  }
}

TEST(Crash, KeepsWhatWasAcknowledgedWhenTheProcessIsKilled) {
  const TemporaryDirectory directory;
  SeededRandom random(5);
  std::int64_t acknowledged = 0;
  for (int round = 0; round < 20; ++round) {
    SCOPED_TRACE(round);
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      close(ends[0]);
      commit_forever(directory.file("state"), ends[1]);
    }
    close(ends[1]);
    const Descriptor in(ends[0]);
    const std::int64_t until = acknowledged + static_cast<std::int64_t>(random.below(60));
    std::int64_t seq = 0;
    // What is left in the pipe was said before the end, too.
    while (read(in.get(), &seq, sizeof seq) == sizeof seq) {
      ASSERT_EQ(seq, acknowledged + 1);
      acknowledged = seq;
      if (seq >= until) kill(child, SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));

    const auto database = must(Database::open(options(directory.file("state"))));
    const std::int64_t stored = expect_whole(*database);
    EXPECT_GE(stored, acknowledged);
    acknowledged = stored;
  }
}

// At each operation on the files the process ends, or the power does.
TEST(Crash, KeepsWhatWasAcknowledgedWhereverItEnds) {
  const TemporaryDirectory directory;
  FaultVfs vfs;
  const auto database = must(Database::open(options(directory.file("state"), vfs.name())));
  std::int64_t acknowledged = 0;
  int looks = 0;
  vfs.set_fault([&](Operation, const std::string&) {
    for (const bool power : {false, true}) {
      const std::string left = directory.file("left");
      if (power) {
        vfs.power_cut(left);
      } else {
        copy_files(directory.file("state"), left);
      }
      SCOPED_TRACE(power ? "power" : "process");
      const auto after = must(Database::open(options(left)));
      const std::int64_t stored = expect_whole(*after);
      EXPECT_GE(stored, acknowledged);
      EXPECT_LE(stored, acknowledged + 1);
      ++looks;
    }
    return 0;
  });
  Connection& c = *database->connection();
  for (std::int64_t seq = 1; seq <= 12; ++seq) {
    Transaction transaction = must(Transaction::begin(c));
    for (const Statement& statement : one_more(seq)) {
      ASSERT_TRUE(c.execute(statement.sql, statement.values));
    }
    ASSERT_TRUE(transaction.commit());
    acknowledged = seq;
    if (seq % 4 == 0) {
      const auto how =
          seq % 8 == 0 ? Connection::Checkpoint::Truncate : Connection::Checkpoint::Passive;
      ASSERT_TRUE(c.checkpoint(how));
    }
  }
  vfs.set_fault({});
  EXPECT_GT(looks, 100);
}

// A replacement of a damaged database, stopped at each operation: the next start has all of it.
TEST(Crash, LosesNothingWhenASalvageIsInterrupted) {
  const TemporaryDirectory directory;
  const std::string original = directory.file("original");
  {
    const auto database = must(Database::open(options(original)));
    ASSERT_TRUE(add_rows(*database->connection(), 100));
    ASSERT_TRUE(database->connection()->checkpoint(Connection::Checkpoint::Truncate));
  }
  // A page of the users; every node can be read.
  std::string content = read_file(original + "/warren.db");
  const std::size_t at = content.rfind("user-00000000000000000000000000000050");
  std::fill_n(content.begin() + static_cast<std::ptrdiff_t>(at / 4096 * 4096), 4096, '\0');
  write_file(original + "/warren.db", content);

  bool finished = false;
  for (std::int64_t failing = 1; !finished; failing += 3) {
    SCOPED_TRACE(failing);
    const std::string work = directory.file("work");
    copy_files(original, work);
    FaultVfs vfs;
    vfs.set_fault([&](Operation, const std::string&) {
      return vfs.operations() == failing ? SQLITE_IOERR : SQLITE_OK;
    });
    static_cast<void>(Database::open(options(work, vfs.name())));
    finished = vfs.operations() < failing;
    vfs.set_fault({});
    const auto second = must(Database::open(options(work, vfs.name())));
    EXPECT_EQ(must(second->connection()->query_number("SELECT COUNT(*) FROM node")), 100);
    std::filesystem::remove_all(work);
  }
}

// A file system of a few MiB of the test's own; false where that is not allowed.
bool mount_small(const std::string& path, const char* size) {
  std::filesystem::create_directory(path);
  return unshare(CLONE_NEWNS) == 0 &&
         mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         mount("tmpfs", path.c_str(), "tmpfs", 0, size) == 0;
}

// Fills the file system to the last byte.
void fill(const std::string& path) {
  std::ofstream out(path, std::ios::binary);
  const std::string block(4096, 'x');
  while (out.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
  }
}

class FullDisk : public testing::Test {
 protected:
  void SetUp() override {
    if (!mount_small(disk_, "size=40m")) GTEST_SKIP() << "mounting needs root";
  }

  void TearDown() override { umount2(disk_.c_str(), MNT_DETACH); }

  TemporaryDirectory directory_;
  std::string disk_ = directory_.file("disk");
  std::string state_ = directory_.file("disk/state");
  std::string ballast_ = directory_.file("disk/ballast");
};

TEST_F(FullDisk, WritingStopsAndGoesOnWhenThereIsSpace) {
  const auto database = must(Database::open(options(state_)));
  Writer writer(*database, {.retry_every = std::chrono::hours(24)});
  std::int64_t seq = 0;
  for (; seq < 20; ++seq) ASSERT_TRUE(write(writer, {.work = one_more(seq + 1)}));
  fill(ballast_);
  Result<void> last;
  while (last) {
    last = write(writer, {.work = one_more(seq + 1)});
    if (last) ++seq;
  }
  EXPECT_EQ(last.error().code, Errc::Full);
  EXPECT_FALSE(writer.state().writable);
  // In the reserve there is room for what must be.
  EXPECT_TRUE(write(writer, {.work = one_more(seq + 1), .need = Need::EvenWhenFull}));
  ++seq;
  writer.retry_now();
  EXPECT_EQ(write(writer, {.work = one_more(seq + 1)}).error().code, Errc::Full);

  std::filesystem::remove(ballast_);
  // The retry comes before the next batch only when the writer was idle in between.
  while (!writer.state().writable) writer.retry_now();
  EXPECT_TRUE(write(writer, {.work = one_more(seq + 1)}));
  writer.stop();
  EXPECT_EQ(expect_whole(*database), seq + 1);
}

TEST_F(FullDisk, StartsWithTheReserveWhenThereIsNoSpace) {
  {
    const auto database = must(Database::open(options(state_)));
    ASSERT_TRUE(add_rows(*database->connection(), 5));
  }
  std::filesystem::remove(state_ + "/warren.db-shm");
  fill(ballast_);
  const auto database = must(Database::open(options(state_)));
  EXPECT_FALSE(database->report().read_only);
  EXPECT_EQ(must(database->connection()->query_number("SELECT COUNT(*) FROM node")), 5);
}

TEST_F(FullDisk, StartsReadOnlyOnTheOldSchemaWithoutSpaceForTheCopy) {
  OpenOptions old = options(state_);
  old.migrations = test_migrations(2);
  {
    const auto database = must(Database::open(old));
    ASSERT_TRUE(add_rows(*database->connection(), 5));
  }
  fill(ballast_);
  const auto database = must(Database::open(options(state_)));
  ASSERT_TRUE(database->report().read_only);
  EXPECT_EQ(database->report().schema, 2);
  EXPECT_THAT(database->report().read_only->detail, HasSubstr("MiB are needed: free some space"));
  Writer writer(*database, {});
  EXPECT_THAT(write(writer, {.work = one_more(1)}).error().detail,
              HasSubstr("until the next start"));
}

TEST_F(FullDisk, ReadsFromAFileSystemThatCannotBeWritten) {
  {
    const auto database = must(Database::open(options(state_)));
    ASSERT_TRUE(add_rows(*database->connection(), 5));
    ASSERT_TRUE(database->connection()->checkpoint(Connection::Checkpoint::Truncate));
  }
  ASSERT_EQ(mount(nullptr, disk_.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
  const auto database = must(Database::open(options(state_)));
  ASSERT_TRUE(database->report().read_only);
  EXPECT_EQ(database->report().read_only->code, Errc::ReadOnly);
  EXPECT_EQ(must(database->connection()->query_number("SELECT COUNT(*) FROM node")), 5);
  EXPECT_EQ(must(must(database->open_reader()).query_number("SELECT COUNT(*) FROM node")), 5);
}

}  // namespace
}  // namespace warren::db
