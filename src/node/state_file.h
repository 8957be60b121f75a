#pragma once

#include <string>

#include "base/random.h"
#include "base/result.h"
#include "node/core/node_state.h"

// Where a node's state is kept: DIRECTORY/state.json, mode 0600.
namespace warren::node {

// Makes directory and file where they are missing, with a new machine key.
Result<NodeState> load_or_make_state(const std::string& directory, Random& random);
Result<void> save_state(const std::string& directory, const NodeState& state);

}  // namespace warren::node
