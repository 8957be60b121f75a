#pragma once

#include <atomic>
#include <cstdint>

#include "base/tagged.h"
#include "base/time.h"
#include "base/udp_path.h"
#include "wg/keypair.h"
#include "wg/peer_path.h"
#include "wg/retired.h"

namespace warren::wg {

using PeerId =
    TaggedNumber<struct PeerIdTag, std::uint32_t>;  // never reused while the engine lives

// Who decides where a peer's packets go.
enum class PathMode : bool {
  Roaming,  // plain WireGuard: a configured endpoint, then wherever authentic packets come from
  Managed,  // set_path, and nothing else: what a peer sends never moves its path (section 1.8)
};

// A moment that one thread writes and another reads. kNone: never yet.
class Stamp {
 public:
  static constexpr TimePoint kNone = TimePoint::min();

  void set(TimePoint now) {
    nanoseconds_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  }

  TimePoint get() const {
    return TimePoint(Duration(nanoseconds_.load(std::memory_order_relaxed)));
  }

 private:
  std::atomic<std::int64_t> nanoseconds_ = kNone.time_since_epoch().count();
};

// What happened on the data path since; timers are built from these instead of one event per packet
// (spec: data-plane section 5.6). Each is the time of the last such packet.
struct Activity {
  Stamp data_sent;               // not keepalives
  Stamp authenticated_sent;      // data or keepalive
  Stamp data_received;           // not keepalives
  Stamp authenticated_received;  // data or keepalive; with managed paths also handshake messages
  // Managed paths only, for whoever manages them:
  Stamp direct_received;  // something authenticated, from where the published direct path leads
  // The region whose relay brought something authenticated last, 0: none; the reader clears it.
  std::atomic<std::uint16_t> relayed_by = 0;
  // What the kernel said when something was sent there. Set by the data path, cleared by whoever
  // acts on it.
  std::atomic<bool> unreachable = false;     // no such host or network
  std::atomic<bool> source_refused = false;  // not from the path's source; it chose one itself
  std::atomic<bool> noted =
      false;  // set by the data path with the first stamp, cleared by the engine's drain
};

// What the data path knows of a peer. The engine owns it, publishes keypairs and path in it, and
// retires it; workers read the pointers afresh for each batch and never keep one beyond a round.
struct DataPeer final : Retired {
  explicit DataPeer(PeerId peer_id, PathMode mode = PathMode::Roaming)
      : id(peer_id), path_mode(mode) {}

  bool roams() const { return path_mode == PathMode::Roaming; }

  const PeerId id;
  const PathMode path_mode;
  std::atomic<Keypair*> previous = nullptr;
  std::atomic<Keypair*> current = nullptr;  // the only one to send under
  std::atomic<Keypair*> next = nullptr;     // responder's, until a packet under it confirms it
  std::atomic<const PublishedPath*> path = nullptr;  // null: nowhere

  Activity activity;
  std::atomic<std::uint64_t> bytes_sent = 0;  // whole datagrams, as other implementations count
  std::atomic<std::uint64_t> bytes_received = 0;
};

// The keypair to send under, or null: stage the packet and ask the engine for a handshake.
inline Keypair* sending_keypair(const DataPeer& peer, TimePoint now) {
  Keypair* const keypair = peer.current.load(std::memory_order_acquire);
  return keypair != nullptr && keypair->may_send(now) ? keypair : nullptr;
}

enum class PacketKind : bool { Data, Keepalive };

// Called for each batch that was sent or that was authenticated and fresh. True: the peer just
// became active, tell the engine (on_activity) soon.
bool note_sent(DataPeer& peer, PacketKind kind, std::uint64_t bytes, TimePoint now);
bool note_received(DataPeer& peer, PacketKind kind, std::uint64_t bytes, TimePoint now);
// Managed paths: something was wrong with the direct path when a batch was sent. True: as above.
bool note_unreachable(DataPeer& peer);
bool note_source_refused(DataPeer& peer);

// Whether what came from there came over the peer's direct path: then
// Activity::direct_received is stamped, before the batch is noted.
inline bool is_direct(const DataPeer& peer, const Endpoint& from) {
  const PublishedPath* const path = peer.path.load(std::memory_order_acquire);
  return path != nullptr && path->path.direct && path->path.direct->remote == from;
}

}  // namespace warren::wg
