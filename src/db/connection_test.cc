#include "db/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "db/testing.h"

namespace warren::db {
namespace {

using testing::HasSubstr;

class ConnectionTest : public testing::Test {
 protected:
  ConnectionTest() {
    EXPECT_TRUE(db_.script("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, data BLOB) STRICT"));
  }

  TemporaryDirectory directory_;
  Connection db_ = must(Connection::open(directory_.file("a.db"), {.access = Access::Create}));
};

TEST_F(ConnectionTest, BindsByNumberAlsoWhenTheyAppearInAnotherOrder) {
  ASSERT_TRUE(db_.execute("INSERT INTO t (name, id) VALUES ($2, $1)", {7, "seven"}));
  EXPECT_EQ(*db_.query_text("SELECT name FROM t WHERE id = $1 OR id = $1", {7}), "seven");
}

TEST_F(ConnectionTest, RefusesAWrongNumberOfValues) {
  EXPECT_THAT(db_.execute("DELETE FROM t WHERE id = $1").error().detail,
              HasSubstr("0 values for the 1 parameters"));
  EXPECT_THAT(db_.execute("DELETE FROM t WHERE id = $2", {1}).error().detail,
              HasSubstr("parameter $1 is missing"));
  EXPECT_FALSE(db_.execute("DELETE FROM t; DELETE FROM t"));
  EXPECT_FALSE(db_.execute(""));
}

TEST_F(ConnectionTest, KeepsEmptyTextAndEmptyBytesApartFromNull) {
  ASSERT_TRUE(db_.execute("INSERT INTO t VALUES ($1,$2,$3)", {1, "", Bytes{}}));
  ASSERT_TRUE(db_.execute("INSERT INTO t VALUES ($1,$2,$3)", {2, {}, std::optional<Bytes>{}}));
  Rows rows = must(db_.query("SELECT name, data FROM t ORDER BY id"));
  ASSERT_TRUE(*rows.next());
  EXPECT_EQ(rows.value(0), Value(""));
  EXPECT_EQ(rows.value(1), Value(Bytes{}));
  EXPECT_EQ(rows.text(0), "");
  EXPECT_TRUE(rows.bytes(1).empty());
  ASSERT_TRUE(*rows.next());
  EXPECT_TRUE(rows.is_null(0));
  EXPECT_EQ(rows.maybe_text(0), std::nullopt);
  EXPECT_EQ(rows.maybe_bytes(1), std::nullopt);
  EXPECT_FALSE(*rows.next());
}

TEST_F(ConnectionTest, RowsFailWhenAColumnIsReadAsWhatItIsNot) {
  ASSERT_TRUE(db_.execute("INSERT INTO t VALUES (1, 'x', NULL)"));
  Rows rows = must(db_.query("SELECT name, data FROM t"));
  ASSERT_TRUE(*rows.next());
  EXPECT_EQ(rows.number(0), 0);
  EXPECT_THAT(rows.next().error().detail, HasSubstr("column 0 (name) holds text, not a number"));
}

TEST_F(ConnectionTest, RefusesTextThatPostgreSqlWouldRefuse) {
  EXPECT_EQ(
      db_.execute("INSERT INTO t VALUES (1, $1, NULL)", {std::string("a\0b", 3)}).error().code,
      Errc::Constraint);
}

TEST_F(ConnectionTest, RunsOneTextTwiceAtATime) {
  ASSERT_TRUE(db_.script("INSERT INTO t VALUES (1,'a',NULL),(2,'b',NULL)"));
  Rows outer = must(db_.query("SELECT id FROM t ORDER BY id"));
  ASSERT_TRUE(*outer.next());
  {
    Rows inner = must(db_.query("SELECT id FROM t ORDER BY id"));
    ASSERT_TRUE(*inner.next());
    EXPECT_EQ(inner.number(0), 1);
  }
  ASSERT_TRUE(*outer.next());
  EXPECT_EQ(outer.number(0), 2);
}

TEST_F(ConnectionTest, UndoesATransactionThatIsNotCommitted) {
  {
    Transaction transaction = must(Transaction::begin(db_));
    ASSERT_TRUE(db_.execute("INSERT INTO t VALUES (1,'a',NULL)"));
  }
  EXPECT_FALSE(db_.in_transaction());
  EXPECT_EQ(*db_.query_number("SELECT COUNT(*) FROM t"), 0);
  Transaction transaction = must(Transaction::begin(db_));
  EXPECT_EQ(*db_.execute("INSERT INTO t VALUES (1,'a',NULL),(2,'b',NULL)"), 2);
  ASSERT_TRUE(transaction.commit());
  EXPECT_EQ(*db_.query_number("SELECT COUNT(*) FROM t"), 2);
}

TEST_F(ConnectionTest, UndoesATransactionWhoseCommitIsRefused) {
  ASSERT_TRUE(
      db_.script("CREATE TABLE c (id INTEGER REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED)"));
  Transaction transaction = must(Transaction::begin(db_));
  ASSERT_TRUE(db_.execute("INSERT INTO c VALUES (5)"));
  EXPECT_EQ(transaction.commit().error().code, Errc::Constraint);
  EXPECT_FALSE(db_.in_transaction());
  EXPECT_EQ(*db_.query_number("SELECT COUNT(*) FROM c"), 0);
}

TEST_F(ConnectionTest, ReadersSeeCommitsAndCannotWrite) {
  Connection reader = must(Connection::open(directory_.file("a.db"), {.access = Access::Read}));
  ASSERT_TRUE(db_.execute("INSERT INTO t VALUES (1,'a',NULL)"));
  EXPECT_EQ(*reader.query_number("SELECT COUNT(*) FROM t"), 1);
  EXPECT_EQ(reader.execute("DELETE FROM t").error().code, Errc::ReadOnly);
}

TEST_F(ConnectionTest, EndsAReadThatTakesTooLong) {
  Connection reader =
      must(Connection::open(directory_.file("a.db"), {.access = Access::Read, .read_limit = 1ns}));
  const auto sum = reader.query_number(
      "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT SUM(x) FROM c");
  EXPECT_EQ(sum.error().code, Errc::Interrupted);
}

TEST_F(ConnectionTest, SaysWhichRuleWasBroken) {
  ASSERT_TRUE(db_.execute("INSERT INTO t VALUES (1,'a',NULL)"));
  const auto twice = db_.execute("INSERT INTO t VALUES ($1,'a',NULL)", {1});
  EXPECT_EQ(twice.error().code, Errc::Constraint);
  EXPECT_THAT(twice.error().detail, HasSubstr("t.id"));
}

TEST_F(ConnectionTest, TakesAMisspeltColumnForAMistake) {
  EXPECT_EQ(db_.query("SELECT \"nmae\" FROM t").error().code, Errc::Other);
}

TEST_F(ConnectionTest, TruncatesTheLogUnlessAReaderIsInTheWay) {
  ASSERT_TRUE(db_.execute("INSERT INTO t VALUES (1,'a',NULL)"));
  EXPECT_GT(db_.log_pages(), 0);
  Connection reader = must(Connection::open(directory_.file("a.db"), {.access = Access::Read}));
  {
    Rows rows = must(reader.query("SELECT id FROM t"));
    ASSERT_TRUE(*rows.next());
    EXPECT_EQ(db_.checkpoint(Connection::Checkpoint::Truncate).error().code, Errc::Busy);
  }
  EXPECT_EQ(*db_.checkpoint(Connection::Checkpoint::Truncate), 0);
  EXPECT_EQ(std::filesystem::file_size(directory_.file("a.db-wal")), 0U);
}

TEST_F(ConnectionTest, WorksWithoutAWriteAheadLog) {
  ASSERT_TRUE(db_.execute("INSERT INTO t VALUES (1,'a',NULL)"));
  db_ = must(Connection::open(directory_.file("b.db"), {.access = Access::Create}));
  Connection plain =
      must(Connection::open(directory_.file("a.db"), {.journal = Journal::Rollback}));
  EXPECT_EQ(plain.query_text("PRAGMA journal_mode"), "delete");
  ASSERT_TRUE(plain.execute("INSERT INTO t VALUES (2,'b',NULL)"));
  EXPECT_EQ(plain.query_number("SELECT COUNT(*) FROM t"), 2);
  EXPECT_EQ(plain.checkpoint(Connection::Checkpoint::Truncate), 0);
  EXPECT_FALSE(std::filesystem::exists(directory_.file("a.db-wal")));
  EXPECT_FALSE(std::filesystem::exists(directory_.file("a.db-shm")));
}

TEST(Connection, OpensNamesWithCharactersOfUris) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("a?b#c%20d.db");
  {
    ASSERT_TRUE(Connection::open(path, {.access = Access::Create}));
  }
  EXPECT_TRUE(std::filesystem::exists(path));
  EXPECT_EQ(Connection::open(directory.file("none.db"), {}).error().code, Errc::ReadOnly);
}

}  // namespace
}  // namespace warren::db
