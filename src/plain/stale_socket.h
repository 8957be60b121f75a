#pragma once

#include <string>

#include "base/result.h"

namespace warren::plain {

// Removes the file of a Unix socket that nobody listens on any more. AlreadyExists when somebody
// does, or when the file is no socket; a missing file is fine.
Result<void> clear_socket_path(const std::string& path);

// The same, but what is in use stays without an error: it belongs to another by now.
Result<void> remove_stale_socket(const std::string& path);

}  // namespace warren::plain
