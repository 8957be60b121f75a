#pragma once

#include <string>
#include <vector>

#include "base/ip_address.h"

// What the node tells the host about names, and what it must know of the host for that.
namespace warren::node {

// What the host shall use. Names are without the last dot. All empty: the host is left alone, and
// what was set before is taken back.
struct OsDnsConfig {
  // In this order. None: no nameserver is set, only the search list (if any) is added.
  std::vector<IpAddress> nameservers = {};
  // Added before the host's own.
  std::vector<std::string> search = {};
  // The nameservers are asked about names below these only; the rest stays with the host's own.
  // Empty, with nameservers: they are asked about everything. Not empty only when the host can
  // split (OsDnsBase::can_split).
  std::vector<std::string> match_domains = {};

  bool is_hands_off() const { return nameservers.empty() && search.empty(); }

  bool operator==(const OsDnsConfig&) const = default;
};

// What the host would use without us: never our own service address.
struct OsDnsBase {
  bool can_split = false;  // it can ask different nameservers about different names
  std::vector<IpAddress> nameservers = {};
  std::vector<std::string> search = {};

  bool operator==(const OsDnsBase&) const = default;
};

}  // namespace warren::node
