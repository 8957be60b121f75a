#pragma once

#include <optional>
#include <utility>

#include "netmap/model.h"

namespace warren::netmap {

// Both null: nothing happens. `before` may point into the tables.
template <class Row>
void Model::change(const Row* before, std::optional<Row> after, Changes& out) {
  RowChange<Row> row;
  if (before != nullptr) row.before = *before;
  row.after = std::move(after);
  if (row.before == row.after) return;
  tables_.apply(row);
  out.emplace_back(std::move(row));
}

}  // namespace warren::netmap
