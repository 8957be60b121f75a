#pragma once

#include <string>

#include "base/random.h"
#include "base/result.h"
#include "node/core/node_state.h"

namespace warren::node {

// The node's state on the disk: keys and preferences.
class StateFile {
 public:
  explicit StateFile(const std::string& directory) : path_(directory + "/state.json") {}

  // Makes it when there is none: with a key of its own, and the default preferences.
  Result<NodeState> load(Random& random) const;
  // On the disk when it returns.
  Result<void> save(const NodeState& state) const;

 private:
  std::string path_;
};

}  // namespace warren::node
