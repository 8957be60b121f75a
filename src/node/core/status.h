#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"
#include "base/time.h"
#include "proto/control/dns.h"
#include "proto/control/hostinfo.h"
#include "proto/control/messages.h"
#include "proto/control/user.h"

// What the daemon says of itself and of each peer, in the JSON of stock software with an object
// "Path" of ours beside it (spec: node-features section 18.3). The daemon writes it, the command
// line reads it.
namespace warren::node {

// How we reach a peer.
struct StatusPath {
  std::string state;              // "idle", "relayed", "direct", "doubt"
  std::optional<WallTime> since;  // when `state` began; none: with the daemon
  double latency_seconds = 0;     // of the direct path; 0: not measured
  std::string why;                // a sentence: why it is not direct; empty: it is

  bool operator==(const StatusPath&) const = default;
};

// A peer, or this machine. Comments name what differs from the obvious.
struct StatusPeer {
  std::string id;  // the stable one
  control::NodeId node_id;
  NodePublicKey public_key;
  std::string host_name;
  std::string dns_name;  // with its last dot
  std::string os;
  control::UserId user_id;
  control::UserId alt_sharer_user_id;
  std::vector<IpAddress> overlay_ips;  // TailscaleIPs
  std::vector<IpPrefix> allowed_ips;
  std::vector<std::string> tags;
  std::vector<IpPrefix> primary_routes;
  std::vector<Endpoint> addrs;  // candidates, from the map
  std::string cur_addr;         // direct: "ip:port"; else empty
  std::string relay;            // code of the home region
  std::string peer_relay;       // none yet
  std::int64_t rx_bytes = 0;
  std::int64_t tx_bytes = 0;
  std::optional<WallTime> created;
  std::optional<WallTime> last_write;
  std::optional<WallTime> last_seen;  // of one that is offline
  std::optional<WallTime> last_handshake;
  bool online = false;  // connected to the server
  bool exit_node = false;
  bool exit_node_option = false;  // offers to be one
  bool active = false;            // packets were sent lately
  std::vector<std::string> peer_api_url;
  std::int64_t taildrop_target = 0;
  std::string no_file_sharing_reason;
  control::CapMap cap_map;
  std::vector<std::string> ssh_host_keys;
  bool sharee_node = false;
  bool in_network_map = false;
  bool in_magic_sock = false;  // path discovery knows it
  bool in_engine = false;      // WireGuard knows it
  bool expired = false;
  std::optional<WallTime> key_expiry;
  std::optional<control::Location> location;
  std::optional<StatusPath> path;  // of peers

  bool operator==(const StatusPeer&) const = default;
};

struct StatusExitNode {
  std::string id;
  bool online = false;
  std::vector<IpPrefix> overlay_ips;

  bool operator==(const StatusExitNode&) const = default;
};

struct StatusNetwork {
  std::string name;
  std::string magic_dns_suffix;
  bool magic_dns_enabled = false;

  bool operator==(const StatusNetwork&) const = default;
};

struct Status {
  std::string version;
  bool tun = false;
  std::string backend_state;  // a name of backend_state.h
  bool have_node_key = false;
  std::string auth_url;  // where a person approves this machine
  std::vector<IpAddress> overlay_ips;
  std::optional<StatusPeer> self;
  std::optional<StatusExitNode> exit_node_status;
  std::vector<std::string> health;  // what a person should look after, a sentence each
  std::string magic_dns_suffix;
  std::optional<StatusNetwork> current_network;  // CurrentTailnet
  std::vector<std::string> cert_domains;
  std::vector<control::DnsRecord> extra_records;
  std::map<std::string, StatusPeer> peers;  // by "nodekey:..."
  std::map<control::UserId, control::UserProfile> users;
  std::optional<control::ClientVersion> client_version;

  bool operator==(const Status&) const = default;
};

std::string encode_status(const Status& status);
Result<Status> decode_status(std::string_view json);

}  // namespace warren::node
