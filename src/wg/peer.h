#pragma once

#include <memory>
#include <optional>
#include <set>

#include "base/ip_address.h"
#include "base/time.h"
#include "crypto/keys.h"
#include "wg/cookie.h"
#include "wg/data_peer.h"
#include "wg/handshake.h"
#include "wg/peer_timers.h"
#include "wg/tai64n.h"

namespace warren::wg {

// All the engine knows of one peer. What workers may see is in `data`, which points into the
// keypairs and the path owned here.
struct Peer {
  Peer(PeerId peer_id, const NodePublicKey& key, PathMode path_mode, Random& random)
      : id(peer_id),
        public_key(key),
        signer(key),
        timers(random),
        data(std::make_unique<DataPeer>(peer_id, path_mode)) {}

  bool roams() const { return data->roams(); }

  const PeerId id;
  const NodePublicKey public_key;
  PresharedKey preshared_key;
  SharedSecret static_static;  // Diffie-Hellman with our private key
  bool can_talk = false;       // we have a private key, the peer's is another's and a valid point

  MessageSigner signer;
  std::optional<PendingInitiation> handshake;    // ours; its index is in the engine's table
  Tai64n last_sent_timestamp{};                  // strictly increasing
  Tai64n last_received_timestamp{};              // strictly increasing
  std::optional<TimePoint> last_handshake_sent;  // initiation or response
  std::optional<TimePoint> last_initiation_accepted;
  std::optional<WallTime> last_handshake;  // for people
  PeerTimers timers;
  TimePoint queued_deadline = kNever;  // as the deadline queue has it

  std::unique_ptr<DataPeer> data;
  std::unique_ptr<Keypair> previous;
  std::unique_ptr<Keypair> current;
  std::unique_ptr<Keypair> next;
  std::unique_ptr<PublishedPath> path;
  std::set<IpPrefix> allowed_ips;
};

}  // namespace warren::wg
