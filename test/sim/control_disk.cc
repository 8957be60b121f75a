#include "sim/control_disk.h"

#include <algorithm>

#include <fmt/format.h>

namespace warren::sim {

void ControlDisk::commit(const control::Commit& what) {
  for (const netmap::Change& change : what.changes) {
    tables_.apply(change);
    if (const auto* const user = std::get_if<netmap::RowChange<netmap::User>>(&change)) {
      if (user->after) last_user_ = std::max(last_user_, user->after->id.value);
    } else if (const auto* const node = std::get_if<netmap::RowChange<netmap::Node>>(&change)) {
      if (node->after) last_node_ = std::max(last_node_, node->after->id.value);
    }
  }
  for (const control::SoftRow& row : what.soft) {
    if (row.state) {
      soft_[row.node] = *row.state;
    } else {
      soft_.erase(row.node);
    }
  }
}

std::optional<std::string> ControlDisk::load(netmap::Model& model) const {
  std::optional<std::string> problem;
  const auto load = [&]<class Row>(const Row& row) {
    const auto loaded = model.load(netmap::RowChange<Row>{.before = std::nullopt, .after = row});
    if (!loaded && !problem) problem = "a row is refused: " + loaded.error().detail;
  };
  for (const auto& [id, user] : tables_.users()) load(user);
  for (const auto& [id, key] : tables_.auth_keys()) load(key);
  for (const auto& [address, lease] : tables_.addresses()) load(lease);
  for (const auto& [name, lease] : tables_.names()) load(lease);
  for (const auto& [id, node] : tables_.nodes()) load(node);
  return problem;
}

std::vector<control::SoftRow> ControlDisk::soft() const {
  std::vector<control::SoftRow> out;
  for (const auto& [node, state] : soft_) {
    if (tables_.find_node(node) != nullptr) out.push_back({.node = node, .state = state});
  }
  return out;
}

}  // namespace warren::sim
