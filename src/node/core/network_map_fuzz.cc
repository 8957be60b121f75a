#include <set>

#include "base/bytes.h"
#include "node/core/network_map.h"
#include "proto/control/codec.h"

using namespace warren;
using namespace warren::node;

namespace {

constexpr WallTime kNow{.seconds = 1'795'251'600};  // 2026-11-21

// Whatever a server says, no two peers have one key or one prefix, none has ours, and a change
// speaks of peers that are there.
void check(const NetworkMap& map, const MapChange& change) {
  std::set<NodePublicKey> keys;
  std::set<IpPrefix> prefixes;
  for (const auto& [id, peer] : map.peers()) {
    WARREN_CHECK(peer.id == id && id.value > 0 && !peer.key.is_zero());
    WARREN_CHECK(!map.self() || (map.self()->id != id && map.self()->key != peer.key));
    WARREN_CHECK(!map.has_key(peer) || keys.insert(peer.key).second);
    WARREN_CHECK(!map.has_key(peer) || map.find_by_key(peer.key) == &peer);
    for (const IpPrefix& prefix : map.allowed_ips(peer, true)) {
      WARREN_CHECK(prefix.length() > 0 && prefixes.insert(prefix).second);
      if (!map.self()) continue;
      for (const IpPrefix& own : map.self()->addresses) WARREN_CHECK(own != prefix);
    }
  }
  for (const control::NodeId id : change.peers) WARREN_CHECK(map.peers().contains(id));
  for (const control::NodeId id : change.removed) WARREN_CHECK(!map.peers().contains(id));
  for (const NodePublicKey& key : change.removed_keys) {
    for (const auto& [id, peer] : map.peers()) WARREN_CHECK(peer.key != key);
  }
}

}  // namespace

// Messages stand in lines; one that begins with '!' is the first of a stream.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest = as_text({data, size});
  NetworkMap map;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const bool is_first = line.starts_with('!');
    if (is_first) line.remove_prefix(1);
    auto message = control::decode<control::MapResponse>(line);
    if (!message) continue;
    check(map, map.apply({.map = *std::move(message), .is_first = is_first}, kNow));
    check(map, map.on_time(map.next_expiry().value_or(kNow)));
    check(map, map.on_time(kNow));
  }
  return 0;
}
