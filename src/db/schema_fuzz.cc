#include "base/result.h"
#include "db/schema.h"

namespace db = warren::db;

// Both engines accept the same texts.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto sqlite = db::generate_schema(text, db::Engine::Sqlite);
  const auto postgresql = db::generate_schema(text, db::Engine::PostgreSql);
  WARREN_CHECK(sqlite.has_value() == postgresql.has_value());
  return 0;
}
