#pragma once

#include <string>

#include "db/connection.h"
#include "db/error.h"

namespace warren::db {

// Ok, or Corrupt with the first thing that is wrong. Reads the whole file.
Result<void> quick_check(Connection& connection);

// A compact, consistent copy of the whole database as a file of its own, checked and on disk when
// it returns; other connections go on. Either all of it stands at `path` or nothing does.
// Errc::Full, with numbers, when there is no space for it.
Result<void> copy_database(Connection& connection, const std::string& path);

}  // namespace warren::db
