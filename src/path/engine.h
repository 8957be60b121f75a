#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "base/udp_path.h"
#include "crypto/keys.h"
#include "path/actions.h"
#include "path/local_network.h"
#include "path/report.h"
#include "proto/relay/region.h"
#include "wg/data_peer.h"

namespace warren::path {

// What is known of a peer from outside: a static map, or the coordination server's.
struct PeerConfig {
  NodePublicKey node_key;
  DiscoPublicKey disco_key;         // zero: it speaks none (a stock WireGuard device)
  std::vector<Endpoint> endpoints;  // beyond kMaxConfigured they are ignored
  relay::RegionId home;             // none: unknown

  bool operator==(const PeerConfig&) const = default;
};

enum class PathState : std::uint8_t {
  Idle,     // nothing to send: not probed
  Relayed,  // probing for a direct path
  Direct,   // proven
  Doubt,    // direct, but silent: everything goes both ways
};

// For status: "why is this peer relayed, and since when".
struct PeerStatus {
  PathState state = PathState::Idle;
  wg::PeerPath path;
  std::optional<Duration> latency;  // of the direct path
  TimePoint since;                  // when `state` began
  std::size_t candidates = 0;
  std::size_t answered = 0;  // candidates that answered lately
};

enum class PingRefusal : std::uint8_t {
  UnknownPeer,
  NoDisco,  // a stock WireGuard device: nothing of it answers
  TooMany,  // kMaxRequestedPings are under way
};

struct Counters {
  std::uint64_t pings_sent = 0;
  std::uint64_t pings_received = 0;
  std::uint64_t pongs_sent = 0;
  std::uint64_t pongs_received = 0;
  std::uint64_t call_me_maybes_sent = 0;
  std::uint64_t call_me_maybes_received = 0;
  // Dropped:
  std::uint64_t malformed = 0;
  std::uint64_t unknown_sender = 0;  // disco key of nobody we know
  std::uint64_t not_authentic = 0;   // the box did not open
  std::uint64_t wrong_sender = 0;    // a disco key at another peer's node key
  std::uint64_t unknown_answer = 0;  // a pong or STUN answer to nothing we asked
  std::uint64_t rate_limited = 0;    // pings of one peer beyond what any peer sends
  std::uint64_t candidates_evicted = 0;
};

// Finds each peer's best path, sans-IO (spec: paths sections 3 to 5, 9.6 to 9.8).
//
// A peer that nobody talks to is Idle: no probes. The first packet to it makes it Relayed: packets
// go through the relay, pings to all its candidates, and a call-me-maybe through the relay asks it
// to ping all of ours. The first pong that crosses makes it Direct. While packets flow, pings and
// what arrives over the path prove it; when the proof stops while we send, quick probes follow and
// then Doubt: packets take both ways until one is proven. Without a direct path probing goes on for
// ever, further and further apart up to half a minute. Changes of our network begin it all anew,
// without forgetting what still works.
//
// Stock peers are on the other side as well: nothing here needs an answer that they do not give.
//
// One thread. Early or repeated on_timeout is harmless. All tables are bounded (constants.h).
class Engine {
 public:
  explicit Engine(Random& random);  // outlives the engine
  ~Engine();

  // --- configuration
  void set_keys(const NodePublicKey& node_key, DiscoPrivateKey disco_key);
  const DiscoPublicKey& disco_key() const;
  void set_relay_map(std::shared_ptr<const relay::Map> map, TimePoint now, Actions& out);
  // Adds a peer, or changes what is known of it. Another disco key is another process: the peer's
  // path stays, in doubt, and its WireGuard session is of no more use (spec: paths section 1.10).
  void set_peer(PeerId peer, const PeerConfig& config, TimePoint now, Actions& out);
  void remove_peer(PeerId peer);

  // --- events of the machine
  // The first call starts everything; each later one says what changed, even when it is only the
  // link that came back: call it when the operating system reports something, it finds out what.
  void on_network(const LocalNetwork& network, TimePoint now, Actions& out);
  // The machine slept: whatever was proven is in doubt.
  void on_wakeup(TimePoint now, Actions& out);

  // --- datagrams. `looks_like_*` of proto told which it is.
  void on_stun(ByteView datagram, const UdpPath& from, TimePoint now, Actions& out);
  void on_disco(ByteView datagram, const UdpPath& from, TimePoint now, Actions& out);
  void on_relayed_disco(ByteView datagram, const relay::Route& from, TimePoint now, Actions& out);
  // Anything of the peer came through the relay: answers can go there (spec: paths section 2.4).
  void on_relayed(PeerId peer, relay::RegionId region, TimePoint now, Actions& out);

  // --- relay connections
  void on_relay_up(relay::RegionId region, TimePoint now, Actions& out);
  void on_relay_down(relay::RegionId region, TimePoint now, Actions& out);
  // The relay says that nobody is there under this key.
  void on_peer_gone(const relay::Route& peer, TimePoint now, Actions& out);
  // Answers MeasureRelay; none: not reachable.
  void on_relay_measured(relay::RegionId region,
                         std::optional<Duration> latency,
                         TimePoint now,
                         Actions& out);

  // --- the data path
  // A handshake message to the peer: sends it over every plausible path. An initiation is repeated
  // a few times, byte for byte, until something authenticated comes back (paths section 9.7).
  void send_handshake(PeerId peer, ByteView message, TimePoint now, Actions& out);
  // The stamps of the peer changed. `activity` also says what came over the published direct path.
  void on_activity(PeerId peer, const wg::Activity& activity, TimePoint now, Actions& out);
  // A WireGuard session with the peer began: its handshake need not be repeated.
  void on_session(PeerId peer);
  // The kernel would not send from the address that the peer's direct path names.
  void on_source_refused(PeerId peer, TimePoint now, Actions& out);
  // The kernel would not send to the peer's direct endpoint (unreachable host or network).
  void on_unreachable(PeerId peer, TimePoint now, Actions& out);

  // --- somebody wants to know (spec: node-features section 18.4)
  // Pings the peer at once: over its direct path when that is proven; else through the relay, and
  // all its candidates as if there was traffic. The first answer is PingAnswered with `token`,
  // which the caller chose. Nobody gives up here: who asked cancels when it has waited long enough.
  Result<void, PingRefusal> ping(PeerId peer, std::uint64_t token, TimePoint now, Actions& out);
  void cancel_ping(std::uint64_t token);

  // --- time
  void on_timeout(TimePoint now, Actions& out);
  TimePoint next_timeout() const;

  // --- for status
  std::optional<PeerId> find(const NodePublicKey& node_key) const;
  // Whose direct path, proven and trusted, leads there.
  std::optional<PeerId> find_proven(const Endpoint& endpoint) const;
  PeerStatus status(PeerId peer) const;  // of a peer that was set
  const Report& report() const;          // the last complete one
  const std::vector<Endpoint>& endpoints() const;
  relay::RegionId home() const;
  const Counters& counters() const;
  // Sizes of all tables, for the test that they stay bounded.
  std::size_t table_entries() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace warren::path
