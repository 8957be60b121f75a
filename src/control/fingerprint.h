#pragma once

#include <cstdint>
#include <string>

#include "db/connection.h"

namespace warren::control {

// What no migration may lose (spec: server section 2.6): how many users, auth keys and nodes there
// are, and a digest of who each node is. Of any schema version.
db::Result<std::string> fingerprint(db::Connection& connection, std::int64_t version);

}  // namespace warren::control
