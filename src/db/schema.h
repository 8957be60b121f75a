#pragma once

#include <string>
#include <string_view>

#include "db/error.h"

// Schemas are written once for both engines; only this writes the types of an engine (spec: server
// section 2.1, and section 12, trap 2).
//
//   TABLE name (column TYPE …, …);  INDEX name ON …;  UNIQUE INDEX name ON …;
//   ALTER TABLE name ADD COLUMN column TYPE …;  anything else stays as it is
//
//   I64    a number                        TEXT   text
//   TIME   microseconds since 1970, UTC    JSON   text that SQL never looks into
//   BOOL   0 or 1                          BYTES  bytes
//                                          KEY32  32 bytes
//
// A column is never null unless its type ends in '?'. "--" starts a comment.
namespace warren::db {

enum class Engine : std::uint8_t { Sqlite, PostgreSql };

// The statements for one engine. Refused, with what was meant where, when a type word is unknown.
Result<std::string> generate_schema(std::string_view text, Engine engine);

}  // namespace warren::db
