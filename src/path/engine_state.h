#pragma once

#include <map>
#include <memory>
#include <set>
#include <unordered_map>
#include <vector>

#include "path/engine.h"
#include "path/home_choice.h"
#include "path/netcheck.h"
#include "path/own_endpoints.h"
#include "path/peer.h"
#include "proto/disco/messages.h"
#include "wg/deadline_queue.h"

namespace warren::path {

// The engine's insides, one file for each concern: engine.cc (configuration, status),
// engine_datagrams.cc (what comes in), engine_peers.cc (a peer's path), engine_pings.cc (pings that
// somebody asked for), engine_network.cc (our own network, STUN, relays), engine_timers.cc
// (deadlines).
struct Engine::State {
  explicit State(Random& random_source) : random(random_source), netcheck(random, own) {}

  // --- peers (engine.cc)
  Peer* find(PeerId peer) const;  // null: removed, and the event comes late
  Peer* find(const NodePublicKey& node_key) const;
  // With this disco key; a key may belong to several nodes (spec: paths section 4.4).
  const std::vector<Peer*>* find(const DiscoPublicKey& disco_key) const;
  void forget_disco_key(Peer& peer);
  void on_restarted(Peer& peer, TimePoint now, Actions& out);
  const BoxKey* box(Peer& peer) const;  // null: the peer speaks no disco

  // --- datagrams (engine_datagrams.cc)
  struct Opened {
    const std::vector<Peer*>* senders = nullptr;  // who have the disco key: at least one
    disco::Message message;                       // borrows from the plaintext
  };

  // The message in a frame of one of our peers, opened into `plaintext`. None: refused and counted.
  std::optional<Opened> open(ByteView datagram, std::vector<std::uint8_t>& plaintext);
  void on_ping(
      Peer& peer, const disco::Ping& ping, const UdpPath& from, TimePoint now, Actions& out);
  void on_pong(Peer& peer,
               const SentPings::Ping& ping,
               const disco::Pong& pong,
               const UdpPath& from,
               TimePoint now,
               Actions& out);
  void on_call(Peer& peer, const disco::CallMeMaybe& call, TimePoint now, Actions& out);
  std::vector<std::uint8_t> seal(Peer& peer, ByteView payload) const;

  // --- a peer's path (engine_peers.cc)
  // Something is or was sent to the peer: probing begins or goes on.
  void note_sent(Peer& peer, TimePoint at, TimePoint now);
  void start_discovery(Peer& peer, TimePoint now) const;
  void stop_probing(Peer& peer);
  void ping(Peer& peer, Candidate& candidate, TimePoint now, Actions& out);
  // One after the other.
  void ping_all(Peer& peer, TimePoint now) const;
  void ping_best(Peer& peer, TimePoint now, Actions& out);
  void ping_second_best(Peer& peer, TimePoint now, Actions& out);
  void call(Peer& peer, TimePoint now, Actions& out);
  std::optional<relay::Route> route(const Peer& peer) const;
  wg::PeerPath path(const Peer& peer, TimePoint now) const;
  // Over every plausible path.
  void send_everywhere(const Peer& peer, ByteView message, TimePoint now, Actions& out) const;
  // The peer seems to be there: what it may have missed is sent once more.
  void repeat_initiation(Peer& peer, TimePoint now, Actions& out) const;

  // --- pings that somebody asked for (engine_pings.cc)
  struct RequestedPing {
    std::uint64_t token = 0;
    PeerId peer;
    TimePoint asked;
    std::optional<disco::TransactionId> relayed;  // of the one through the relay
  };

  // None: no relay is known.
  std::optional<disco::TransactionId> ping_by_relay(Peer& peer, Actions& out);
  // A ping that went to `endpoint` at `sent` was answered.
  void answer_requests(
      const Peer& peer, const Endpoint& endpoint, TimePoint sent, TimePoint now, Actions& out);
  void on_relayed_pong(const Peer& peer,
                       const disco::Pong& pong,
                       relay::RegionId region,
                       TimePoint now,
                       Actions& out);

  // --- our network (engine_network.cc)
  void check_network(TimePoint now);
  void refresh_endpoints(TimePoint now);
  void finish_report(TimePoint now, Actions& out);
  void set_home(relay::RegionId region, Actions& out);
  void note_seen_as(const Endpoint& endpoint, TimePoint now, Actions& out);
  // After an answer: whoever waited for our public endpoint is called.
  void on_observed(bool news, TimePoint now, Actions& out);
  bool endpoints_are_fresh(TimePoint now) const;
  void publish_endpoints(TimePoint now, Actions& out);
  // To a peer and back by the relay.
  Duration relay_round_trip() const;
  // Everything that was proven is in doubt.
  void doubt_everything(TimePoint now, Actions& out);

  // --- deadlines (engine_timers.cc)
  void on_timeout(Peer& peer, TimePoint now, Actions& out);
  void probe(Peer& peer, TimePoint now, Actions& out);
  TimePoint next_timeout(const Peer& peer, TimePoint now) const;
  // Last thing in each event that touched the peer: says what changed and queues its next deadline.
  void enter(Peer& peer, PathState state, TimePoint now, Actions& out);
  void finish(Peer& peer, TimePoint now, Actions& out);
  void publish(Peer& peer, const wg::PeerPath& path);  // nowhere: also withdraws it

  Random& random;
  NodePublicKey node_key;
  DiscoPrivateKey disco_private;
  DiscoPublicKey disco_public;

  // Bounded by wg::kMaxPeers: whoever sets peers has added them there.
  std::unordered_map<PeerId, std::unique_ptr<Peer>> peers;
  std::unordered_map<NodePublicKey, Peer*> by_node_key;
  std::unordered_map<DiscoPublicKey, std::vector<Peer*>> by_disco_key;
  std::unordered_map<Endpoint, Peer*> by_proven;  // the remote of a trusted direct path
  wg::DeadlineQueue deadlines;
  std::size_t active_peers = 0;
  std::vector<RequestedPing> requested_pings;  // at most kMaxRequestedPings

  std::shared_ptr<const relay::Map> map = std::make_shared<const relay::Map>();
  std::set<relay::RegionId> connected;  // bounded by the map
  relay::RegionId home;
  LocalNetwork network;
  bool started = false;  // on_network was called
  OwnEndpoints own;
  Netcheck netcheck;
  HomeChoice home_choice;
  Report last_report;
  std::vector<Endpoint> published_endpoints;
  std::vector<PeerId> waiting_for_stun;  // each at most once (Peer::call_after_stun)
  TimePoint last_refresh = TimePoint::min();
  TimePoint next_refresh = kNever;
  TimePoint next_full_check = kNever;
  Counters counters;
};

}  // namespace warren::path
