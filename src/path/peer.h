#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.h"
#include "base/token_bucket.h"
#include "crypto/box.h"
#include "path/candidates.h"
#include "path/constants.h"
#include "path/discovery.h"
#include "path/engine.h"
#include "path/liveness.h"
#include "path/sent_pings.h"

namespace warren::path {

// All the engine knows of one peer; what happens to it is in engine_state.h.
struct Peer {
  explicit Peer(PeerId peer_id) : id(peer_id) {}

  bool is_active(TimePoint now) const {
    return last_sent != TimePoint::min() && now - last_sent <= kSessionActive;
  }

  const PeerId id;
  PeerConfig config;
  std::optional<BoxKey> box;  // with the peer's disco key; made when first needed

  // --- the direct path
  Candidates candidates;
  SentPings pings;
  std::optional<Endpoint> best;  // in `candidates`
  Liveness liveness;             // of `best`
  Discovery discovery;
  TimePoint next_heartbeat = kNever;
  TimePoint next_upgrade = kNever;    // all candidates again, beside a direct path
  TimePoint next_keep_warm = kNever;  // the second-best path
  bool was_active = false;            // as of the last event
  TimePoint last_sent = TimePoint::min();

  // --- the relayed path
  relay::RegionId learned;  // where the peer was last heard
  TimePoint last_call = TimePoint::min();
  std::size_t last_called = 0;   // a hash of the addresses that the last call named
  bool call_after_stun = false;  // the last call named addresses that may be old
  Duration gone_backoff{};       // the relay does not know the peer: zero when it does
  TimePoint next_call = kNever;  // therefore

  // --- a handshake that is under way
  std::vector<std::uint8_t> initiation;  // empty: none to repeat
  std::size_t repeats = 0;
  TimePoint last_repeat = TimePoint::min();
  TimePoint next_repeat = kNever;

  TokenBucket ping_limit;
  TokenBucket call_limit;

  // --- what was said of it
  wg::PeerPath published;
  PathState state = PathState::Idle;
  TimePoint since;
  TimePoint queued_deadline = kNever;  // as the deadline queue has it
};

}  // namespace warren::path
