#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/context.h"
#include "node/core/status.h"

namespace warren::cli {

enum class Peers : unsigned char { Without, With };

// What the node answers, as it came.
Result<std::string> fetch_status(Context& context, Peers peers);

// The same, read; warns on stderr when warrend is of another version.
Result<node::Status> read_status(Context& context, std::string_view json);

// Both; an error when the node isn't running.
Result<node::Status> fetch_running_status(Context& context, Peers peers);

// "laptop" of "laptop.home.example.", else the host name in quotes; for a terminal.
std::string name_of(const node::StatusPeer& machine);

// Which machine, this one too, is meant by an IP address, a full name, a short name or a host name,
// in this order (node-features.md section 18.1). An error when it is none, or more than one.
Result<const node::StatusPeer*> find_machine(const node::Status& status, std::string_view text);

}  // namespace warren::cli
