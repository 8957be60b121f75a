#pragma once

#include <unordered_set>

#include "crypto/keys.h"

namespace warren::relay {

// Whose logins a relay accepts (demand F14: its own members, by default).
struct Members {
  std::unordered_set<NodePublicKey> keys;
  bool is_everyone = false;  // tests and open relays

  bool contains(const NodePublicKey& key) const { return is_everyone || keys.contains(key); }
};

}  // namespace warren::relay
