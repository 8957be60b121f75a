#include "node/core/status.h"

#include "base/json_wire.h"
#include "proto/control/dns_fields.h"
#include "proto/control/hostinfo_fields.h"
#include "proto/control/messages_fields.h"
#include "proto/control/user_fields.h"

namespace warren::node {

namespace {

namespace wire = json::wire;
using wire::Either;

// A peer has a kilobyte or two; as for maps (proto/control/limits.h).
constexpr wire::Limits kStatusLimits{
    .bytes = std::size_t{256} << 20U, .depth = 32, .list = 131'072};

}  // namespace

template <class Visitor, Either<StatusPath> Fields>
static void fields(Visitor& visit, Fields& x) {
  visit.always("State", x.state);
  visit.always("Since", x.since);
  visit("LatencySeconds", x.latency_seconds);
  visit("Why", x.why);
}

template <class Visitor, Either<StatusPeer> Fields>
static void fields(Visitor& visit, Fields& x) {
  visit.always("ID", x.id);
  visit.always("NodeID", x.node_id);
  visit.always("PublicKey", x.public_key);
  visit.always("HostName", x.host_name);
  visit.always("DNSName", x.dns_name);
  visit.always("OS", x.os);
  visit.always("UserID", x.user_id);
  visit("AltSharerUserID", x.alt_sharer_user_id);
  visit.always("TailscaleIPs", x.overlay_ips);
  visit("AllowedIPs", x.allowed_ips);
  visit("Tags", x.tags);
  visit("PrimaryRoutes", x.primary_routes);
  visit.always("Addrs", x.addrs);
  visit.always("CurAddr", x.cur_addr);
  visit.always("Relay", x.relay);
  visit.always("PeerRelay", x.peer_relay);
  visit.always("RxBytes", x.rx_bytes);
  visit.always("TxBytes", x.tx_bytes);
  visit.always("Created", x.created);
  visit.always("LastWrite", x.last_write);
  visit.always("LastSeen", x.last_seen);
  visit.always("LastHandshake", x.last_handshake);
  visit.always("Online", x.online);
  visit.always("ExitNode", x.exit_node);
  visit.always("ExitNodeOption", x.exit_node_option);
  visit.always("Active", x.active);
  visit.always("PeerAPIURL", x.peer_api_url);
  visit.always("TaildropTarget", x.taildrop_target);
  visit.always("NoFileSharingReason", x.no_file_sharing_reason);
  visit("CapMap", x.cap_map);
  visit("sshHostKeys", x.ssh_host_keys);
  visit("ShareeNode", x.sharee_node);
  visit.always("InNetworkMap", x.in_network_map);
  visit.always("InMagicSock", x.in_magic_sock);
  visit.always("InEngine", x.in_engine);
  visit("Expired", x.expired);
  visit("KeyExpiry", x.key_expiry);
  visit("Location", x.location);
  visit("Path", x.path);
}

template <class Visitor, Either<StatusExitNode> Fields>
static void fields(Visitor& visit, Fields& x) {
  visit.always("ID", x.id);
  visit.always("Online", x.online);
  visit.always("TailscaleIPs", x.overlay_ips);
}

template <class Visitor, Either<StatusNetwork> Fields>
static void fields(Visitor& visit, Fields& x) {
  visit.always("Name", x.name);
  visit.always("MagicDNSSuffix", x.magic_dns_suffix);
  visit.always("MagicDNSEnabled", x.magic_dns_enabled);
}

template <class Visitor, Either<Status> Fields>
static void fields(Visitor& visit, Fields& x) {
  visit.always("Version", x.version);
  visit.always("TUN", x.tun);
  visit.always("BackendState", x.backend_state);
  visit.always("HaveNodeKey", x.have_node_key);
  visit.always("AuthURL", x.auth_url);
  visit.always("TailscaleIPs", x.overlay_ips);
  visit.always("Self", x.self);
  visit("ExitNodeStatus", x.exit_node_status);
  visit.always("Health", x.health);
  visit.always("MagicDNSSuffix", x.magic_dns_suffix);
  visit.always("CurrentTailnet", x.current_network);
  visit.always("CertDomains", x.cert_domains);
  visit("ExtraRecords", x.extra_records);
  visit.always("Peer", x.peers);
  visit.always("User", x.users);
  visit.always("ClientVersion", x.client_version);
}

std::string encode_status(const Status& status) {
  return json::wire::write_text(status);
}

Result<Status> decode_status(std::string_view text) {
  return wire::read_text<Status>(text, kStatusLimits);
}

}  // namespace warren::node
