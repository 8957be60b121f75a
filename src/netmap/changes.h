#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "netmap/entities.h"

// What a command did, row by row, in order. Rows are whole: a store writes `after`, the change log
// keeps it, and the model takes a change back by swapping the two.
namespace warren::netmap {

template <class Row>
struct RowChange {
  std::optional<Row> before;  // none: the row is new
  std::optional<Row> after;   // none: it is gone

  bool operator==(const RowChange&) const = default;
};

using Change = std::variant<RowChange<User>,
                            RowChange<AuthKey>,
                            RowChange<Node>,
                            RowChange<Device>,
                            RowChange<AddressLease>,
                            RowChange<NameLease>>;
using Changes = std::vector<Change>;

}  // namespace warren::netmap
