#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "control/core/actions.h"
#include "netmap/model.h"
#include "netmap/tables.h"

namespace warren::sim {

// The coordination server's disk: holds what was committed and nothing else, whatever happens to
// the server.
class ControlDisk {
 public:
  void commit(const control::Commit& what);

  const netmap::Tables& tables() const { return tables_; }

  // Fills an empty model, and says what the nodes said last. The first row that it refuses, as a
  // sentence.
  std::optional<std::string> load(netmap::Model& model) const;
  std::vector<control::SoftRow> soft() const;

  // Row numbers go on after the highest that was ever committed.
  std::int64_t last_user() const { return last_user_; }

  std::int64_t last_node() const { return last_node_; }

 private:
  netmap::Tables tables_;
  std::map<netmap::NodeId, control::SoftState> soft_;
  std::int64_t last_user_ = 0;
  std::int64_t last_node_ = 0;
};

}  // namespace warren::sim
