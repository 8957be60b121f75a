#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "node/core/control_client.h"
#include "node/core/peer_claims.h"
#include "proto/control/map.h"

namespace warren::node {

// Bounds of what a server can make us keep. What is beyond is left out and counted.
inline constexpr std::size_t kMaxMapPeers = 65'536;      // six times the largest network we test
inline constexpr std::size_t kMaxMapPrefixes = 1 << 20;  // allowed IPs of all peers
inline constexpr std::size_t kMaxPeerPrefixes = 8192;  // as many as a node can advertise (limits.h)
// Two are usual; a hub's are also those of the devices that it carries.
inline constexpr std::size_t kMaxPeerAddresses = kMaxPeerPrefixes;
inline constexpr std::size_t kMaxPeerEndpoints = 64;  // twice what path/ looks at
inline constexpr std::size_t kMaxUsers = 131'072;     // an owner and a sharer for each peer
inline constexpr std::size_t kMaxFilterChunks = 1024;
inline constexpr std::size_t kMaxHealthMessages = 256;

// What another map means for whoever acts on it. A flag is set when the thing really differs.
struct MapChange {
  bool is_first = false;  // of a stream: whatever was applied before may be gone
  bool self = false;      // self(), or whether it has expired
  bool relays = false;    // relay_map()
  bool filter = false;    // plan_filter() may give something else
  bool device = false;    // plan_device() may
  bool dns = false;
  bool health = false;
  bool names = false;                            // users, domain, client version: for status only
  std::vector<control::NodeId> peers = {};       // added, or anything about them changed; ascending
  std::vector<control::NodeId> removed = {};     // ascending
  std::vector<NodePublicKey> removed_keys = {};  // no peer has them any more

  bool operator==(const MapChange&) const = default;
};

struct MapCounters {
  std::uint64_t refused_peers = 0;     // no id, no key, ourselves, twice in a list, or too many
  std::uint64_t refused_prefixes = 0;  // addresses that are none, and what was too many
  std::uint64_t unknown_peers = 0;     // changes of a peer that is not there
  std::uint64_t stale_patches = 0;     // disco keys of an older process of the peer
  std::uint64_t refused_entries = 0;   // users, filter chunks, health messages beyond the bounds
};

// The network as the coordination server tells it: first all, then what changes (spec: control
// sections 5.4 and 5.5). It keeps what was said; what of it cannot be, such as one address with two
// peers, is settled by has_key() and allowed_ips(), so that it heals when the server corrects it.
//
// PeersChanged replaces a peer whole, unlike in stock clients (section 5.6, 13 item 7). Expiry is
// judged by the server's clock as far as it is known: by `now` plus the difference of the last
// ControlTime when that is over a minute (node-features section 12). Costs follow the size of a
// message, not of the network.
class NetworkMap {
 public:
  // `now` by this machine's clock.
  MapChange apply(MapNews news, WallTime now);
  // Keys expire without news. Harmless at any time; to be called at next_expiry(), and when the
  // clock was set.
  MapChange on_time(WallTime now);
  // When on_time() has something to do, by this machine's clock.
  std::optional<WallTime> next_expiry() const;

  // --- what there is
  const std::optional<control::Node>& self() const { return self_; }

  const std::map<control::NodeId, control::Node>& peers() const { return peers_; }

  const control::DerpMap& relay_map() const { return relay_map_; }

  // All chunks, in the order of their names. No rules: nothing may come in.
  control::FilterRules filter_rules() const;

  const std::map<control::UserId, control::UserProfile>& users() const { return users_; }

  const control::DnsConfig& dns() const { return dns_; }

  const std::string& domain() const { return domain_; }

  const control::ClientVersion& client_version() const { return client_version_; }

  // "net.example": the names of the network's nodes end so; empty when unknown.
  std::string name_suffix() const;
  // What the server finds wrong with us, a sentence each.
  std::vector<std::string> health() const;

  // --- who is who. The self node is found too; null: nobody. Pointers hold until the next change.
  const control::Node* find(control::NodeId id) const;
  const control::Node* find_by_address(const IpAddress& address) const;
  const control::Node* find_by_key(const NodePublicKey& key) const;
  // An address, a full name, the first label of one, or a machine's own name; the first of these
  // that fits. NotFound, or InvalidArgument when several nodes have that name.
  Result<const control::Node*> find_by_name(std::string_view text) const;

  // --- what of it holds
  // The key is expired, or the server says so.
  bool is_expired(const control::Node& node) const;
  // Of the peers that claim this peer's key, this is the one that has it.
  bool has_key(const control::Node& peer) const;
  // What this peer may send from and be sent to: its addresses, with_subnets its subnets too,
  // without those that belong to others or to us. Default routes never: they are for exit nodes.
  // Sorted, each once.
  std::vector<IpPrefix> allowed_ips(const control::Node& peer, bool with_subnets) const;

  const MapCounters& counters() const { return counters_; }

  // Keys and prefixes that more than one peer claimed, since the start.
  std::uint64_t contested() const { return claims_.contested(); }

 private:
  struct Update;  // the change in the making
  using Expiry = std::pair<WallTime, control::NodeId>;

  void apply_peers(control::MapResponse& map, bool is_first, WallTime now, Update& update);
  void apply_self(std::optional<control::Node> self, bool is_first, Update& update);
  void apply_filter(control::MapResponse& map, bool is_first, Update& update);
  void apply_relays(std::optional<control::DerpMap>& news, bool is_first, Update& update);
  void apply_health(control::MapResponse& map, bool is_first, Update& update);
  void apply_rest(control::MapResponse& map, bool is_first, Update& update);
  void judge_expiry(WallTime now, Update& update);

  void replace_peers(std::vector<control::Node> peers, Update& update);
  void put_peer(control::Node peer, Update& update);
  bool remove_peer(control::NodeId id, Update& update);
  template <class Change>
  void patch_peer(control::NodeId id, Update& update, Change change);
  void apply_patch(const control::PeerChange& patch, Update& update);
  void link_peer(const control::Node& peer, Update& update);
  void unlink_peer(const control::Node& peer, Update& update);
  void note_claims(const std::set<control::NodeId>& affected, Update& update);

  // False: it is none.
  bool clean(control::Node& peer);
  void clean_prefixes(control::Node& node);
  bool is_own_address(const IpPrefix& prefix) const;
  bool filter_depends_on(const control::Node& peer) const;
  MapChange finish(Update& update) const;

  std::optional<control::Node> self_;
  std::map<control::NodeId, control::Node> peers_;
  PeerClaims claims_;
  control::DerpMap relay_map_;
  std::map<std::string, control::FilterRules> filter_;
  std::set<std::string, std::less<>> filter_caps_;  // node capabilities that rules name as sources
  std::map<control::UserId, control::UserProfile> users_;
  control::DnsConfig dns_;
  std::string domain_;
  control::ClientVersion client_version_;
  std::vector<std::string> health_;
  std::map<std::string, control::DisplayMessage> messages_;

  std::int64_t ahead_ = 0;              // seconds that the server's clock is before ours
  bool is_server_clock_wrong_ = false;  // then only what the server calls expired has expired
  WallTime judged_at_;                  // whose key ends by then has expired; by the server's clock
  std::set<Expiry> expiries_;           // of peers
  MapCounters counters_;
};

}  // namespace warren::node
