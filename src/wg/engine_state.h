#pragma once

#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "wg/cookie.h"
#include "wg/deadline_queue.h"
#include "wg/engine.h"
#include "wg/peer.h"
#include "wg/rate_limiter.h"

namespace warren::wg {

enum class Attempt : bool { First, Retry };

// The engine's insides, one file for each concern: engine.cc (configuration), engine_handshake.cc
// (messages), engine_keypairs.cc (what is published), engine_timers.cc (deadlines).
struct Engine::State {
  State(Random& random_source, const WallClock& clock, PathMode mode)
      : random(random_source), wall_clock(clock), path_mode(mode), cookies(random_source) {}

  // --- peers (engine.cc)
  Peer* find(PeerId peer) const;  // null: removed, and the event comes late
  Peer& get(PeerId peer) const;   // the caller knows that it exists
  void renew_static_static(Peer& peer) const;

  // --- messages (engine_handshake.cc)
  bool note_load(std::size_t waiting, TimePoint now);  // true: under load
  // mac1, and under load mac2 and the rate.
  bool admit(ByteView datagram,
             std::uint32_t sender,
             const UdpPath& from,
             bool is_under_load,
             TimePoint now,
             Actions& out);
  void on_initiation(ByteView datagram, const UdpPath& from, TimePoint now, Actions& out);
  void on_response(ByteView datagram, const UdpPath& from, TimePoint now, Actions& out);
  void on_cookie_reply(ByteView datagram, TimePoint now);
  bool is_fresh(const Peer& peer, const Tai64n& timestamp, TimePoint now);
  void answer(Peer& peer, const OpenedInitiation& opened, TimePoint now, Actions& out);
  // Unless one was sent less than the rekey timeout ago: then it follows when that has passed.
  void initiate(Peer& peer, Attempt attempt, TimePoint now, Actions& out);
  void complete_handshake(Peer& peer, Actions& out);
  void drop_handshake(Peer& peer);
  // Whether the peer's handshake may come that way: plain WireGuard knows no relays.
  bool may_come_from(const Peer& peer, const UdpPath& from) const;
  // An authentic message of the peer came from there.
  void note_origin(Peer& peer, const UdpPath& from, TimePoint now);
  void send(Peer& peer, const MessageBytes& message, Actions& out) const;
  std::uint32_t unused_index();

  // --- what is published (engine_keypairs.cc)
  void install_as_initiator(Peer& peer, std::unique_ptr<Keypair> keypair);
  void install_as_responder(Peer& peer, std::unique_ptr<Keypair> keypair);
  void confirm_next(Peer& peer);
  void erase_session(Peer& peer);  // keypairs and handshake
  void publish_path(Peer& peer, const PeerPath& path);
  static const UdpPath* direct_path(const Peer& peer);  // null: none
  // Both do nothing to a peer whose paths are managed.
  void roam(Peer& peer, const UdpPath& path);
  // Nothing is heard: perhaps the local address that answers were sent from is gone.
  void forget_source(Peer& peer);
  void retire(std::unique_ptr<Keypair>& keypair);

  // --- deadlines (engine_timers.cc)
  void update_timers(Peer& peer);  // from the data path's stamps
  void reschedule(Peer& peer);     // last thing in each event
  void on_timer(Peer& peer, Timer timer, TimePoint now, Actions& out);
  void send_keepalive(Peer& peer, TimePoint now, Actions& out);
  Random& random;
  const WallClock& wall_clock;
  const PathMode path_mode;  // of peers for which nothing else is said
  NodePrivateKey private_key;
  NodePublicKey public_key;

  CookieChecker cookies;
  RateLimiter limiter;
  std::optional<TimePoint> last_overload;
  EngineCounters counters;

  // Bounded by kMaxPeers; by_key and handshakes hold at most one entry for each.
  std::unordered_map<PeerId, std::unique_ptr<Peer>> peers;
  std::unordered_map<NodePublicKey, Peer*> by_key;
  std::unordered_map<std::uint32_t, Peer*>
      handshakes;                    // by the local index of a pending initiation
  std::map<IpPrefix, Peer*> routes;  // as configured
  IndexTable index_table;
  DeadlineQueue deadlines;
  std::vector<std::unique_ptr<Retired>> retired;
  std::uint32_t next_id = 1;
  // No peer that was removed has seen a later timestamp: if it is added again, it still hears us.
  Tai64n removed_timestamp{};
};

}  // namespace warren::wg
