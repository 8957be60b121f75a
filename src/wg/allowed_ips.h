#pragma once

#include <cstdint>
#include <vector>

#include "base/ip_address.h"
#include "wg/data_peer.h"

namespace warren::wg {

// Cryptokey routing: inner address to peer, by longest prefix. Immutable once built; shared with
// the workers as a snapshot. Exact hash for single addresses, then one hash for each other prefix
// length that exists, longest first.
class AllowedIps {
 public:
  struct Entry {
    IpPrefix prefix;
    DataPeer* peer = nullptr;
  };

  AllowedIps() = default;  // routes nothing

  // Of two entries with the same prefix the later wins.
  explicit AllowedIps(const std::vector<Entry>& entries);

  // The peer whose prefix is the longest that contains the address, or null.
  DataPeer* find(const IpAddress& address) const;

 private:
  // Prefixes of one length and family: open addressing, at most half full.
  struct Level {
    unsigned length = 0;
    std::vector<Entry> slots;  // a power of two; peer null: free
  };

  static DataPeer* find_in(const Level& level, const IpAddress& address);

  std::vector<Level> v4_;  // longest prefix first
  std::vector<Level> v6_;
};

}  // namespace warren::wg
