#include "db/database.h"

#include <filesystem>
#include <fstream>

#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "db/test_schema.h"
#include "db/testing.h"

namespace warren::db {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

class DatabaseTest : public testing::Test {
 protected:
  Result<std::unique_ptr<Database>> open(std::size_t version = 3) {
    return Database::open({.directory = state(),
                           .migrations = test_migrations(version),
                           .now = {.seconds = 1'764'633'600}});
  }

  std::string state() const { return directory_.file("state"); }

  std::string file(const std::string& name) const { return state() + "/" + name; }

  // A database with rows, closed, all of it in the one file.
  void make(std::int64_t rows) {
    const auto db = must(open());
    EXPECT_TRUE(add_rows(*db->connection(), rows));
    EXPECT_TRUE(db->connection()->checkpoint(Connection::Checkpoint::Truncate));
  }

  TemporaryDirectory directory_;
};

std::int64_t count(Database& db, std::string_view table) {
  return must(db.connection()->query_number(fmt::format("SELECT COUNT(*) FROM {}", table))).value();
}

TEST_F(DatabaseTest, MakesADatabaseThatOnlyItsOwnerReads) {
  const auto db = must(open());
  EXPECT_TRUE(db->report().created);
  EXPECT_EQ(db->report().schema, 3);
  EXPECT_FALSE(db->report().migrated || db->report().salvaged || db->report().read_only);
  Connection& c = *db->connection();
  EXPECT_EQ(*c.query_number("PRAGMA application_id"), kApplicationId);
  EXPECT_EQ(*c.query_number("PRAGMA user_version"), 3);
  EXPECT_EQ(*c.query_text("PRAGMA journal_mode"), "wal");
  EXPECT_EQ(*c.query_number("PRAGMA synchronous"), 2);  // FULL
  EXPECT_EQ(*c.query_number("PRAGMA auto_vacuum"), 2);  // INCREMENTAL
  EXPECT_EQ(*c.query_number("PRAGMA wal_autocheckpoint"), 0);
  EXPECT_EQ(*c.query_number("PRAGMA secure_delete"), 2);  // FAST
  EXPECT_EQ(fs::file_size(file("warren.reserve")), 16U << 20);
  for (const char* const name : {"warren.db", "warren.db-wal", "warren.lock", "warren.reserve"}) {
    struct stat status{};
    ASSERT_EQ(stat(file(name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_mode & 0777, 0600U) << name;
  }
}

TEST_F(DatabaseTest, RefusesASecondServerWithTheFirstOnesProcessId) {
  const auto first = must(open());
  const auto second = open();
  EXPECT_EQ(second.error().code, Errc::Busy);
  EXPECT_THAT(second.error().detail, HasSubstr(fmt::format("process {}", getpid())));
}

TEST_F(DatabaseTest, OpensAgainWithWhatWasStored) {
  {
    ASSERT_TRUE(add_rows(*must(open())->connection(), 5));
  }
  const auto db = must(open());
  EXPECT_FALSE(db->report().created);
  EXPECT_EQ(count(*db, "node"), 5);
  Connection reader = must(db->open_reader());
  EXPECT_EQ(*reader.query_number("SELECT COUNT(*) FROM node"), 5);
}

TEST_F(DatabaseTest, MigratesAndSaysSo) {
  {
    ASSERT_TRUE(add_rows(*must(open(1))->connection(), 5));
  }
  const auto db = must(open(3));
  ASSERT_TRUE(db->report().migrated);
  EXPECT_EQ(db->report().migrated->from, 1);
  EXPECT_EQ(db->report().schema, 3);
  EXPECT_TRUE(fs::exists(db->report().migrated->copy));
}

TEST_F(DatabaseTest, AnOldProgramOpensTheNextSchemaAndNoOther) {
  make(5);
  {
    const auto older = must(open(2));
    EXPECT_EQ(older->report().schema, 3);
    EXPECT_FALSE(older->report().read_only);
  }
  EXPECT_EQ(open(1).error().code, Errc::Refused);
}

TEST_F(DatabaseTest, LeavesAnotherProgramsDatabaseAlone) {
  fs::create_directory(state());
  {
    Connection other = must(Connection::open(file("warren.db"), {.access = Access::Create}));
    ASSERT_TRUE(other.script("CREATE TABLE t (id INTEGER)"));
  }
  const auto opened = open();
  EXPECT_EQ(opened.error().code, Errc::Refused);
  EXPECT_THAT(opened.error().detail, HasSubstr("not a database of this program"));
}

TEST_F(DatabaseTest, ReplacesGarbageByAnEmptyDatabaseAndKeepsIt) {
  make(5);
  const std::string garbage(20'000, 'x');
  write_file(file("warren.db"), garbage);
  const auto db = must(open());
  ASSERT_TRUE(db->report().salvaged);
  EXPECT_FALSE(db->report().salvaged->readable);
  EXPECT_THAT(db->report().salvaged->summary(),
              AllOf(HasSubstr("not a database"), HasSubstr(file("damaged-1")),
                    HasSubstr("starts with an empty one")));
  EXPECT_EQ(read_file(file("damaged-1/warren.db")), garbage);
  EXPECT_EQ(count(*db, "node"), 0);
  EXPECT_TRUE(add_rows(*db->connection(), 3));
}

TEST_F(DatabaseTest, TakesAnEmptyFileForDamaged) {
  make(5);
  write_file(file("warren.db"), "");
  const auto db = must(open());
  EXPECT_FALSE(db->report().created);
  ASSERT_TRUE(db->report().salvaged);
  EXPECT_FALSE(db->report().salvaged->readable);
}

TEST_F(DatabaseTest, DoesNotReplayTheLogOfADatabaseThatIsGone) {
  {
    const auto db = must(open());
    ASSERT_TRUE(add_rows(*db->connection(), 5));
  }
  ASSERT_GT(fs::file_size(file("warren.db-wal")), 0U);
  fs::remove(file("warren.db"));
  const auto db = must(open());
  EXPECT_TRUE(db->report().created);
  EXPECT_EQ(count(*db, "node"), 0);
  EXPECT_TRUE(fs::exists(file("damaged-1/warren.db-wal")));
}

TEST_F(DatabaseTest, FinishesAReplacementThatWasInterrupted) {
  make(5);
  fs::copy_file(file("warren.db"), file("warren.db.new"));
  write_file(file("warren.db"), "damaged");
  write_file(file("warren.db-wal"), "of the damaged one");
  const auto db = must(open());
  EXPECT_FALSE(db->report().salvaged);
  EXPECT_EQ(count(*db, "node"), 5);
  EXPECT_FALSE(fs::exists(file("warren.db.new")));
}

// Each page of the file in turn is overwritten. Whatever it was, the server starts; rows are the
// old ones or gone, and what is gone is said.
TEST_F(DatabaseTest, StartsWithWhateverPageDamagedAndInventsNothing) {
  constexpr std::int64_t kRows = 300;
  make(kRows);
  const std::string whole = read_file(file("warren.db"));
  constexpr std::size_t kPage = 4096;
  int salvaged = 0;
  int partly = 0;
  for (std::size_t page = 0; page < whole.size() / kPage; ++page) {
    SCOPED_TRACE(page);
    std::string damaged = whole;
    std::fill_n(damaged.begin() + static_cast<std::ptrdiff_t>(page * kPage), kPage, '\x5a');
    fs::remove_all(state());
    fs::create_directory(state());
    write_file(file("warren.db"), damaged);
    const auto db = must(open());
    const std::int64_t users = count(*db, "app_user");
    const std::int64_t nodes = count(*db, "node");
    EXPECT_EQ(must(db->connection()->query_number(
                  "SELECT COUNT(*) FROM app_user WHERE login <> printf('user-%032d', id)")),
              0);
    EXPECT_EQ(must(db->connection()->query_number(
                  "SELECT COUNT(*) FROM node WHERE CAST(key AS TEXT) <> printf('%0128d', id)")),
              0);
    if (!db->report().salvaged) {
      EXPECT_EQ(users, kRows);  // a page that nothing uses
      EXPECT_EQ(nodes, kRows);
      continue;
    }
    ++salvaged;
    const SalvageReport& report = *db->report().salvaged;
    EXPECT_EQ(report.readable, page != 0);
    if (users < kRows || nodes < kRows) {
      EXPECT_TRUE(!report.readable || std::ranges::any_of(report.tables, [](const TableSalvage& t) {
        return !t.is_whole();
      })) << report.summary();
    }
    if (users + nodes > kRows && users + nodes < 2 * kRows) ++partly;
    EXPECT_EQ(must(db->connection()->query_text("PRAGMA integrity_check")), "ok");
    EXPECT_TRUE(db->connection()->execute("INSERT INTO app_user (id, login) VALUES (9999, 'new')"));
  }
  EXPECT_GT(salvaged, 10);
  EXPECT_GT(partly, 5);
}

TEST_F(DatabaseTest, ReadsBothSidesOfADamagedPage) {
  make(300);
  // A key is in the table and in an index; in the table the node's number is before it.
  std::string content = read_file(file("warren.db"));
  const std::size_t at = content.find(std::string("\0\x96", 2) + fmt::format("{:0128}", 150));
  ASSERT_NE(at, std::string::npos);
  std::fill_n(content.begin() + static_cast<std::ptrdiff_t>(at / 4096 * 4096), 4096, '\0');
  write_file(file("warren.db"), content);
  const auto db = must(open());
  ASSERT_TRUE(db->report().salvaged);
  EXPECT_TRUE(db->report().salvaged->readable);
  EXPECT_EQ(count(*db, "app_user"), 300);
  const auto& tables = db->report().salvaged->tables;
  const auto node = std::ranges::find(tables, "node", &TableSalvage::table);
  ASSERT_NE(node, tables.end());

  EXPECT_EQ(node->lost.size(), 1U) << db->report().salvaged->summary();
  EXPECT_EQ(node->kept, count(*db, "node"));
  EXPECT_GT(node->kept, 250);
  EXPECT_EQ(must(db->connection()->query_number("SELECT COUNT(*) FROM node WHERE id IN (1, 300)")),
            2);
}

TEST_F(DatabaseTest, StartsWhereverTheFileWasCutOff) {
  make(200);
  const std::string whole = read_file(file("warren.db"));
  for (std::size_t size = 0; size < whole.size(); size += 2048) {
    SCOPED_TRACE(size);
    fs::remove_all(state());
    fs::create_directory(state());
    write_file(file("warren.db"), whole.substr(0, size));
    const auto db = must(open());
    EXPECT_TRUE(db->report().salvaged);
    EXPECT_EQ(must(db->connection()->query_text("PRAGMA integrity_check")), "ok");
  }
}

TEST(StateDirectory, KnowsNetworkFileSystems) {
  for (const std::int64_t type : {0x6969L, 0x517bL, 0xfe534d42L, 0xff534d42L, 0x01021997L}) {
    EXPECT_TRUE(is_network_file_system(type));
  }
  for (const std::int64_t type : {0xef53L, 0x01021994L, 0x9123683eL, 0x58465342L}) {  // ext4 …
    EXPECT_FALSE(is_network_file_system(type));
  }
  // Where the kernel's type is a negative number of 32 bits.
  EXPECT_TRUE(is_network_file_system(static_cast<std::int32_t>(0xff534d42)));
}

}  // namespace
}  // namespace warren::db
