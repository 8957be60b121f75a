#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/ip_address.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "base/udp_path.h"
#include "crypto/keys.h"
#include "wg/actions.h"
#include "wg/allowed_ips.h"
#include "wg/index_table.h"

namespace warren::wg {

// Handshake messages that were refused, by reason. Data packets are counted where they are handled.
struct EngineCounters {
  std::uint64_t malformed = 0;
  std::uint64_t bad_mac1 = 0;
  std::uint64_t cookie_sent = 0;          // under load, without a valid mac2
  std::uint64_t rate_limited = 0;         // under load with one, or relayed
  std::uint64_t unknown_index = 0;        // response or cookie reply that answers nothing of ours
  std::uint64_t unknown_peer = 0;         // initiation of a key we do not know
  std::uint64_t not_authentic = 0;        // an AEAD or Diffie-Hellman of the handshake failed
  std::uint64_t replayed_initiation = 0;  // timestamp not newer than the last
  std::uint64_t initiation_flood = 0;     // closer than kInitiationSpacing to the last
  std::uint64_t handshakes_completed = 0;
};

// What `wg show` says of a peer.
struct PeerStatus {
  PeerId id;
  NodePublicKey public_key;
  bool has_preshared_key = false;
  std::optional<Endpoint> endpoint;
  Duration persistent_keepalive{};  // zero: off
  std::vector<IpPrefix> allowed_ips;
  std::optional<WallTime> last_handshake;
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
};

// WireGuard's brain, sans-IO: handshakes, keypairs, timers, cookies, cryptokey routing, roaming. It
// opens no socket, reads no monotonic clock and seals no data packet: the data path (the
// simulator's host or the tunnel's workers) does, with the functions of keypair.h, data_peer.h,
// index_table.h and allowed_ips.h.
//
// Life of a peer: added, idle; on_send_wanted or an initiation of the peer begins a handshake; the
// keypair that comes of it is published in the peer's DataPeer and in the index table; timers
// (peer_timers.h) renew it, keep it alive, give up, and wipe it. Everything unlinked goes to
// take_retired(): the owner destroys it when no worker holds it.
//
// One thread. Early or repeated on_timeout is harmless. Bounded by kMaxPeers, three keypairs and
// one handshake a peer.
class Engine {
 public:
  // `random` and `wall_clock` outlive the engine. Without a private key it answers nothing.
  Engine(Random& random, const WallClock& wall_clock, PathMode path_mode = PathMode::Roaming);
  ~Engine();

  // --- configuration. Peers whose key is our own are kept but never talk.
  void set_private_key(NodePrivateKey key, TimePoint now, Actions& out);
  const NodePrivateKey& private_key() const;
  const NodePublicKey& public_key() const;

  // AlreadyExists, or Unavailable at kMaxPeers. Beside peers whose paths are managed there may be
  // some that speak plain WireGuard and roam; what comes through a relay is never theirs.
  Result<PeerId> add_peer(const NodePublicKey& key);
  Result<PeerId> add_peer(const NodePublicKey& key, PathMode path_mode);
  std::optional<PeerId> find_peer(const NodePublicKey& key) const;
  // One that roams and was heard there last. Looks at all of them.
  std::optional<PeerId> find_roaming(const Endpoint& endpoint) const;
  bool has_peer(PeerId peer) const;
  void remove_peer(PeerId peer, TimePoint now, Actions& out);
  void set_preshared_key(PeerId peer, PresharedKey key);  // all zero: none
  const PresharedKey& preshared_key(PeerId peer) const;
  void set_endpoint(PeerId peer, const Endpoint& endpoint);  // of one that roams
  // Of one that is managed. Publishes it; handshakes begin also without one.
  void set_path(PeerId peer, const PeerPath& path);
  // Zero turns it off; turning it on sends one keepalive at once.
  void set_persistent_keepalive(PeerId peer, Duration interval, TimePoint now, Actions& out);
  // A prefix belongs to one peer: adding it takes it from another. Changes show in allowed_ips() at
  // once.
  void add_allowed_ip(PeerId peer, const IpPrefix& prefix);
  void remove_allowed_ip(PeerId peer, const IpPrefix& prefix);
  void clear_allowed_ips(PeerId peer);

  std::vector<PeerId> peers() const;  // in the order they were added
  PeerStatus status(PeerId peer) const;
  const EngineCounters& counters() const;

  // --- for the data path
  // A new immutable table; the caller publishes it after it has changed something above.
  std::shared_ptr<const AllowedIps> allowed_ips() const;
  const IndexTable& index_table() const;
  DataPeer& data_peer(PeerId peer) const;
  // What mac1 of messages to us is keyed with, for the early check outside the engine (cookie.h:
  // mac1_is_valid).
  const SymmetricKey& mac1_key() const;

  // --- events
  // A datagram of type 1 to 3 that arrived on `from`; `waiting` more are queued behind it. What
  // came through a relay is from relayed_source().
  void on_handshake_message(
      ByteView datagram, const UdpPath& from, std::size_t waiting, TimePoint now, Actions& out);
  // The data path staged a packet because sending_keypair() gave none.
  void on_send_wanted(PeerId peer, TimePoint now, Actions& out);
  // The first authenticated packet under the peer's `next` keypair (Keypair::claim_confirmation).
  void on_confirmed(PeerId peer, std::uint32_t local_index, TimePoint now, Actions& out);
  // Keypair::wants_rekey_after_send or _after_receive, claimed once a keypair.
  void on_rekey_wanted(PeerId peer, TimePoint now, Actions& out);
  // An authenticated packet came from another address than the path of a peer that roams says.
  void on_roamed(PeerId peer, const UdpPath& from);
  // The stamps in the peer's DataPeer changed.
  void on_activity(PeerId peer, TimePoint now, Actions& out);
  // The peer's process is another and has none of our keys. The session is erased, with all that
  // would keep a new one from beginning at once, also when the peer's clock was set back; where
  // packets have moved lately a handshake begins (spec: paths section 1.10).
  void on_peer_restarted(PeerId peer, TimePoint now, Actions& out);
  // Data for a key that we do not have came over a path that is surely the peer's: its session is
  // one that we have lost. One initiation, and no second within the rekey timeout, goes to the
  // peer's path, unless there is a key or an attempt under way: whoever forges such data achieves
  // no more.
  void on_unknown_index(PeerId peer, TimePoint now, Actions& out);

  void on_timeout(TimePoint now, Actions& out);
  TimePoint next_timeout() const;  // kNever when no timer is armed

  // Everything unlinked since the last call.
  std::vector<std::unique_ptr<Retired>> take_retired();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace warren::wg
