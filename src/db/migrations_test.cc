#include "db/migrations.h"

#include <filesystem>
#include <set>

#include <sqlite3.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "db/backup.h"
#include "db/fault_vfs.h"
#include "db/test_schema.h"
#include "db/testing.h"

namespace warren::db {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr WallTime kNow{.seconds = 1'764'633'600};  // 2025-12-02 00:00:00 UTC

class MigrationsTest : public testing::Test {
 protected:
  Connection open(const SqliteOptions& options = {.access = Access::Create}) {
    return must(Connection::open(directory_.file("a.db"), options));
  }

  Result<std::optional<Migrated>> run(Connection& connection, const Migrations& migrations) {
    return migrate(connection, migrations, directory_.file("backups"), kNow);
  }

  // A database of the schema version, with rows.
  Connection with_rows(std::size_t version) {
    Connection out = open();
    const auto migrations = test_migrations(version);
    EXPECT_TRUE(apply_migrations(out, migrations, migrations.head(), kNow));
    EXPECT_TRUE(add_rows(out, 20));
    return out;
  }

  TemporaryDirectory directory_;
};

TEST_F(MigrationsTest, BringsEveryReleasedSchemaToTheNewest) {
  for (std::size_t from = 1; from < kTestMigrations.size(); ++from) {
    SCOPED_TRACE(from);
    std::filesystem::remove(directory_.file("a.db"));
    std::filesystem::remove(directory_.file("a.db-wal"));
    Connection db = with_rows(from);
    const auto migrated = must(run(db, test_migrations(3)));
    ASSERT_TRUE(migrated);
    EXPECT_EQ(*migrated, (Migrated{.from = static_cast<std::int64_t>(from),
                                   .to = 3,
                                   .copy = directory_.file(fmt::format(
                                       "backups/pre-{}-3-20251202T000000Z.db", from))}));
    EXPECT_EQ(*db.query_number("SELECT COUNT(*) FROM node JOIN app_user ON user_id = app_user.id"),
              20);
    EXPECT_EQ(*db.query_number("PRAGMA user_version"), 3);
    EXPECT_EQ(*db.query_number("PRAGMA foreign_keys"), 1);
    EXPECT_EQ(*db.query_text("SELECT program FROM schema_migration WHERE version = 3"), "test 3");
    EXPECT_EQ(*db.query_number("SELECT at FROM schema_migration WHERE version = 3"),
              kNow.seconds * 1'000'000);
    EXPECT_FALSE(must(run(db, test_migrations(3))).has_value());  // nothing left to do

    Connection copy = must(Connection::open(migrated->copy, {.access = Access::Immutable}));
    EXPECT_EQ(must(read_schema_state(copy)).version, from);
    EXPECT_EQ(*copy.query_number("SELECT COUNT(*) FROM node"), 20);
  }
}

TEST_F(MigrationsTest, RefusesAMigrationThatWasChangedAfterItsRelease) {
  Connection db = with_rows(2);
  auto changed = kTestMigrations;
  changed[1].sql = "ALTER TABLE node ADD COLUMN seen I64?";
  EXPECT_THAT(run(db, {.list = changed, .program = "test"}).error(),
              AllOf(testing::Field(&Error::code, Errc::Refused),
                    testing::Field(&Error::detail, HasSubstr("migration 2 (last seen) is not"))));
  EXPECT_EQ(must(read_schema_state(db)).version, 2);
}

// What a migration must not do, and what is said about it.
TEST_F(MigrationsTest, LeavesTheOldSchemaWhenAMigrationFails) {
  struct Case {
    std::string_view sql;
    Result<void> (*step)(Connection&);
    std::string_view said;
  };

  const Case cases[] = {
      {"ALTER TABLE node ADD COLUMN x I64?; DELETE FROM node WHERE id = 3;", nullptr,
       "'20 users, 20 nodes' became '20 users, 19 nodes'"},
      {"UPDATE node SET user_id = 99 WHERE id < 3;", nullptr, "2 rows that point to none"},
      {"ALTER TABLE node ADD COLUMN x I64?; INSERT INTO nowhere VALUES (1);", nullptr, "nowhere"},
      {"ALTER TABLE node ADD COLUMN x NUMBER;", nullptr, "unknown type 'NUMBER'"},
      {"ALTER TABLE node ADD COLUMN x I64?;",
       [](Connection&) -> Result<void> { return fail(Errc::Refused, "a key is too short"); },
       "a key is too short"},
  };
  Connection db = with_rows(2);
  const std::string schema = *must(
      db.query_text("SELECT group_concat(sql) FROM (SELECT sql FROM sqlite_schema ORDER BY name)"));
  for (const Case& c : cases) {
    SCOPED_TRACE(c.sql);
    auto list = kTestMigrations;
    list[2] = {.version = 3, .name = "bad", .sql = c.sql, .oldest_program = 2, .step = c.step};
    const auto run_bad =
        run(db, {.list = list, .program = "test", .fingerprint = test_fingerprint});
    ASSERT_FALSE(run_bad);
    EXPECT_THAT(run_bad.error().detail,
                AllOf(HasSubstr("migration 3 (bad)"), HasSubstr(c.said), HasSubstr("pre-2-3-")));
    EXPECT_EQ(must(read_schema_state(db)).version, 2);
    EXPECT_EQ(*db.query_number("PRAGMA user_version"), 2);
    EXPECT_EQ(*db.query_number("PRAGMA foreign_keys"), 1);
    EXPECT_EQ(must(db.query_text(
                  "SELECT group_concat(sql) FROM (SELECT sql FROM sqlite_schema ORDER BY name)")),
              schema);
    EXPECT_EQ(must(test_fingerprint(db, 2)), "20 users, 20 nodes");
  }
}

TEST_F(MigrationsTest, MayChangeContentWhenItSaysSo) {
  Connection db = with_rows(2);
  auto list = kTestMigrations;
  list[2] = {.version = 3,
             .name = "forget",
             .sql = "DELETE FROM node;",
             .oldest_program = 2,
             .content = Content::Changed};
  EXPECT_TRUE(run(db, {.list = list, .program = "test", .fingerprint = test_fingerprint}));
}

TEST_F(MigrationsTest, UpgradesADatabaseThatHadRowsWithoutOwner) {
  Connection db = with_rows(2);
  ASSERT_TRUE(
      db.script("PRAGMA foreign_keys = OFF; DELETE FROM app_user WHERE id = 4;"
                "PRAGMA foreign_keys = ON"));
  EXPECT_TRUE(run(db, test_migrations(3)));
}

TEST_F(MigrationsTest, OldProgramsWorkWithTheNextSchemaOnly) {
  Connection db = with_rows(3);
  EXPECT_TRUE(run(db, test_migrations(2)));
  const auto too_old = run(db, test_migrations(1));
  EXPECT_EQ(too_old.error().code, Errc::Refused);
  EXPECT_THAT(too_old.error().detail,
              AllOf(HasSubstr("schema 3, made by test 3"), HasSubstr("knows schema 1"),
                    HasSubstr("knows schema 2: start a newer program")));
}

TEST_F(MigrationsTest, KeepsTheLastCopiesOfOneStepOnly) {
  Connection db = with_rows(2);
  auto list = kTestMigrations;
  list[2].sql = "no sql";
  for (int start = 0; start < 6; ++start) {
    EXPECT_FALSE(migrate(db, {.list = list, .program = "test"}, directory_.file("backups"),
                         {.seconds = kNow.seconds + start}));
  }
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory_.file("backups"))) {
    names.insert(entry.path().filename().string());
  }
  EXPECT_THAT(names,
              testing::ElementsAre("pre-2-3-20251202T000003Z.db", "pre-2-3-20251202T000004Z.db",
                                   "pre-2-3-20251202T000005Z.db"));
}

// Interrupted at each operation on its files, by an error and by the end of the process.
TEST_F(MigrationsTest, LeavesTheOldOrTheNewSchemaWhereverItIsInterrupted) {
  with_rows(1);
  const std::string original = directory_.file("original");
  copy_files(directory_.path(), original);
  const auto migrations = test_migrations(3);
  std::set<std::int64_t> seen;
  bool finished = false;
  for (std::int64_t failing = 1; !finished; ++failing) {
    SCOPED_TRACE(failing);
    const TemporaryDirectory work;
    copy_files(original, work.file("run"));
    const std::string path = work.file("run/a.db");
    FaultVfs vfs;
    Connection db = must(Connection::open(path, {.vfs = vfs.name()}));
    const std::int64_t start = vfs.operations();
    vfs.set_fault([&](Operation operation, const std::string&) {
      if (vfs.operations() - start != failing) return SQLITE_OK;
      copy_files(work.file("run"), work.file("killed"));
      return operation == Operation::Sync ? SQLITE_IOERR_FSYNC : SQLITE_FULL;
    });
    finished = apply_migrations(db, migrations, 3, kNow).has_value();
    vfs.set_fault({});

    for (const std::string& left : {path, work.file("killed/a.db")}) {
      if (!std::filesystem::exists(left)) continue;  // it was not interrupted any more
      SCOPED_TRACE(left);
      Connection after = must(Connection::open(left, {}));
      EXPECT_TRUE(quick_check(after));
      const auto version = must(read_schema_state(after)).version;
      EXPECT_EQ(*after.query_number("PRAGMA user_version"), version);
      EXPECT_EQ(must(test_fingerprint(after, version)), "20 users, 20 nodes");
      EXPECT_EQ(*after.query_number("SELECT COUNT(*) FROM pragma_table_info('node')"),
                version >= 2 ? 5 : 4);
      EXPECT_TRUE(check_schema(after, migrations));
      EXPECT_TRUE(apply_migrations(after, migrations, 3, kNow));
      seen.insert(version);
    }
  }
  EXPECT_THAT(seen, testing::ElementsAre(1, 2, 3));
}

}  // namespace
}  // namespace warren::db
