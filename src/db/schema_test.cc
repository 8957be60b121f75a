#include "db/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "db/connection.h"

namespace warren::db {
namespace {

using testing::HasSubstr;

// A part of the real schema (spec: server section 2.1) that has every type word.
constexpr std::string_view kSchema = R"(
-- the people; a comment; with 'quotes'
TABLE app_user (net I64, id I64, role TEXT CHECK (role IN ('owner','member')), status TEXT DEFAULT 'active',
  seen_at TIME?, PRIMARY KEY (net, id));
UNIQUE INDEX app_user_owner ON app_user (net) WHERE role = 'owner' AND status <> 'deleted';
TABLE node (net I64, id I64, key KEY32?, user_id I64?, tags JSON?, data BYTES, fixed BOOL
  DEFAULT 0, created_at TIME, PRIMARY KEY (net, id), CHECK ((user_id IS NULL) <> (tags IS NULL)),
  FOREIGN KEY (net, user_id) REFERENCES app_user (net, id) DEFERRABLE INITIALLY DEFERRED);
INDEX node_user ON node (net, user_id); INSERT INTO app_user VALUES (1, 1, 'owner', 'a;b', NULL);
)";

std::string generated(std::string_view text, Engine engine) {
  auto out = generate_schema(text, engine);
  return out ? *out : "error: " + out.error().detail;
}

TEST(Schema, WritesTheTypesOfEachEngine) {
  constexpr std::string_view kText = "TABLE t (id I64 PRIMARY KEY, k KEY32?, b BOOL DEFAULT 0)";
  EXPECT_EQ(generated(kText, Engine::Sqlite),
            "CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, k BLOB CHECK (length(k) = 32), "
            "b INTEGER NOT NULL CHECK (b IN (0, 1)) DEFAULT 0) STRICT;\n");
  EXPECT_EQ(generated(kText, Engine::PostgreSql),
            "CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, k BYTEA CHECK (length(k) = 32), "
            "b SMALLINT NOT NULL CHECK (b IN (0, 1)) DEFAULT 0);\n");
}

TEST(Schema, WritesTheTypeOfAnAddedColumn) {
  EXPECT_EQ(generated("ALTER TABLE t ADD COLUMN seen TIME?;", Engine::PostgreSql),
            "ALTER TABLE t ADD COLUMN seen BIGINT;\n");
  EXPECT_EQ(generated("ALTER TABLE t DROP COLUMN seen", Engine::Sqlite),
            "ALTER TABLE t DROP COLUMN seen;\n");
}

TEST(Schema, RefusesUnknownTypesByName) {
  EXPECT_THAT(generated("TABLE t (a I64, b BIGINT)", Engine::Sqlite),
              HasSubstr("table t: column b: unknown type 'BIGINT'"));
  EXPECT_THAT(generated("TABLE t (a)", Engine::Sqlite), HasSubstr("unknown type ''"));
  EXPECT_THAT(generated("TABLE t", Engine::Sqlite), HasSubstr("no columns"));
}

TEST(Schema, MakesTablesThatRefuseWrongRows) {
  auto opened = Connection::open(":memory:", {.access = Access::Create});
  ASSERT_TRUE(opened) << opened.error().detail;
  Connection& db = *opened;
  const auto made = db.script(generated(kSchema, Engine::Sqlite));
  ASSERT_TRUE(made) << made.error().detail;

  EXPECT_EQ(*db.query_text("SELECT status FROM app_user"), "a;b");
  const auto insert = [&db](std::initializer_list<Value> values) {
    const auto done = db.execute("INSERT INTO node VALUES ($1,$2,$3,$4,$5,$6,$7,$8)", values);
    return done ? Errc::Refused : done.error().code;  // Refused: never what SQLite says
  };
  const Bytes key(32, 7);
  const Bytes no_key(31, 7);
  EXPECT_EQ(insert({1, 1, key, 1, {}, Bytes{}, false, 5}), Errc::Refused);
  EXPECT_EQ(insert({1, 2, no_key, 1, {}, Bytes{}, false, 5}), Errc::Constraint);
  EXPECT_EQ(insert({1, 2, key, 1, "[]", Bytes{}, false, 5}), Errc::Constraint);
  EXPECT_EQ(insert({1, 2, key, 1, {}, "", false, 5}), Errc::Constraint);   // text in bytes
  EXPECT_EQ(insert({1, 2, key, 1, {}, Bytes{}, 2, 5}), Errc::Constraint);  // no bool
  EXPECT_EQ(insert({1, 2, key, 1, {}, Bytes{}, {}, 5}), Errc::Constraint);
  EXPECT_EQ(insert({1, 2, key, 9, {}, Bytes{}, false, 5}), Errc::Constraint);  // no such user
  EXPECT_EQ(db.execute("INSERT INTO app_user VALUES (1, 2, 'owner', 'active', NULL)").error().code,
            Errc::Constraint);
}

}  // namespace
}  // namespace warren::db
