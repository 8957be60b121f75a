#pragma once

#include <list>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/token_bucket.h"
#include "proto/relay/frames.h"
#include "relay/hub.h"

// The insides of the hub, shared by hub*.cc.
namespace warren::relay {

struct Peer;

// What one peer sends to another. It exists from the first packet until either leaves, and then
// until it is empty: so it also tells who has received something from whom. The destination owns
// it.
struct Flow {
  using List = std::list<Flow>;

  Peer* source = nullptr;  // null: gone, the rest is only to be delivered
  Peer* destination = nullptr;
  FairQueue::Flow disco;
  FairQueue::Flow data;
  TokenBucket disco_rate;
  List::iterator self;

  bool is_empty() const { return disco.is_empty() && data.is_empty(); }
};

struct Connection {
  ConnectionId id;
  Peer* peer = nullptr;  // null: not logged in, or closing
  bool is_closing = false;
  bool is_awake = false;  // a Wake was given, fill() has not returned 0 since

  // --- received bytes: [parsed, filled) of the slab are the beginning of a frame
  Slab::List slabs;
  Slab* slab = nullptr;
  std::uint32_t slab_generation = 0;  // another: it was idle, and has returned to the pool
  std::size_t parsed = 0;
  std::size_t filled = 0;
  std::size_t skip = 0;           // of a frame of unknown type
  TimePoint half_since = kNever;  // when the frame began whose rest is missing
  TokenBucket not_here;

  // --- bytes to send before anything else: our own frames, and packets larger than a record
  std::vector<std::uint8_t> outgoing;
  std::size_t outgoing_sent = 0;

  // --- time
  TimePoint login_by = kNever;
  TimePoint next_keep_alive = kNever;
  Duration keep_alive{};
  TimePoint timer = kNever;  // its entry in State::timers
};

// A key that is logged in.
struct Peer {
  Peer(const NodePublicKey& its_key,
       const Limits& limits,
       SlabPool& slabs,
       QueuedPacketPool& packets,
       HubCounters& counters)
      : key(its_key),
        disco(limits.disco_queue, limits.packet_wait, slabs, packets, counters.disco),
        data(limits.data_queue, limits.packet_wait, slabs, packets, counters.data) {}

  NodePublicKey key;
  std::vector<Connection*> connections;  // by age
  Connection* active = nullptr;          // gets the packets
  // Flows to this peer; before the queues that refer to them, so that they outlive those.
  Flow::List inbound;
  Flow::List orphans;  // whose source is gone, not yet empty
  FairQueue disco;
  FairQueue data;
  std::unordered_map<NodePublicKey, Flow*> routes;  // flows from this peer, by destination
};

struct Hub::State {
  State(RelayPrivateKey private_key, const Limits& its_limits, Random& its_random);

  // hub.cc
  Connection* find(ConnectionId id);
  void wake(Connection& connection, Actions& out);
  void close(Connection& connection, CloseReason reason, Actions& out);
  void send_control(Connection& connection, ByteView frame, Actions& out);
  void send_health(Connection& connection, Actions& out);
  void rearm(Connection& connection);
  void on_due(Connection& connection, TimePoint now, Actions& out);

  // hub_receive.cc
  Slab* receiving_slab(Connection& connection);
  void drop_slab(Connection& connection);
  void parse(Connection& connection, TimePoint now, Actions& out);
  std::optional<CloseReason> refuse_header(const Connection& connection,
                                           const FrameHeader& header) const;
  void on_frame(Connection& connection,
                const FrameHeader& header,
                std::size_t offset,
                TimePoint now,
                Actions& out);
  void on_login(Connection& connection, ByteView payload, TimePoint now, Actions& out);
  void on_ping(Connection& connection, ByteView payload, Actions& out);
  void register_peer(Connection& connection, const NodePublicKey& its_key, Actions& out);
  void leave(Connection& connection, Actions& out);
  void remove_peer(Peer& peer, Actions& out);

  // hub_forward.cc
  void forward(Connection& connection, MutableByteView frame, TimePoint now, Actions& out);
  Flow* flow_to(Peer& source, const NodePublicKey& destination);
  bool make_room_for_flow(Peer& source);
  void on_unknown_destination(Connection& connection,
                              const NodePublicKey& destination,
                              bool is_disco,
                              TimePoint now,
                              Actions& out);
  void orphan(Flow& flow);
  void sweep_orphans(Peer& peer);
  std::size_t fill(Connection& connection, MutableByteView record, TimePoint now);
  std::size_t take_outgoing(Connection& connection, MutableByteView record);
  // False: the record is full.
  bool take_packets(Connection& connection,
                    FairQueue& queue,
                    MutableByteView record,
                    std::size_t& used,
                    TimePoint now);

  const Limits limits;
  Random& random;
  const RelayPrivateKey key;
  const RelayPublicKey public_key;
  std::shared_ptr<const Members> members;
  std::string health;
  bool is_restarting = false;

  HubCounters counters;
  SlabPool slabs;
  QueuedPacketPool packets;
  std::size_t flow_count = 0;
  std::uint64_t last_id = 0;
  // Before the peers: their queues refer to the connections' slabs.
  std::unordered_map<ConnectionId, std::unique_ptr<Connection>> connections;
  std::unordered_map<NodePublicKey, std::unique_ptr<Peer>> peers;
  std::set<std::pair<TimePoint, ConnectionId>> timers;  // one a connection
};

}  // namespace warren::relay
