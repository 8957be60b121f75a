#include "sim/overlay_node.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "proto/relay/frames.h"
#include "sim/relay_station.h"
#include "wg/relayed_source.h"

namespace warren::sim {

namespace {

constexpr std::size_t kMaxWaitingFrames = 64;  // for a relay connection that is being made

}  // namespace

// A connection to one region's relay, or the attempt to make one.
struct OverlayNode::RelayStream {
  std::shared_ptr<Stream> stream;
  relay::client::AttemptId attempt;
  TimePoint began;
  Duration round_trip{};
  bool is_secured = false;  // TLS is there
  std::deque<std::vector<std::uint8_t>> waiting;
};

OverlayNode::OverlayNode(Machine& machine, const Config& config, std::uint64_t seed)
    : WgStack(machine.internet().time(), seed, wg::PathMode::Managed),
      machine_(machine),
      name_(config.name),
      node_key_(config.node_key.public_key()),
      port_(config.port),
      relays_(config.node_key.clone(), random()) {
  configure([&](wg::Engine& engine, TimePoint at, wg::Actions& out) {
    engine.set_private_key(config.node_key.clone(), at, out);
  });
}

OverlayNode::~OverlayNode() {
  machine_.unwatch(watcher_);
  machine_.unbind(port_);
  for (const auto& [region, stream] : streams_) stream->stream->abort();
}

void OverlayNode::start() {
  machine_.bind(port_, *this);
  watcher_ = machine_.watch([this] { on_network_change(); });
  on_network_change();
}

void OverlayNode::set_relay_map(std::shared_ptr<const relay::Map> map) {
  relays_.set_map(map, now(), relay_actions_);
  finish_relays();
  on_relay_map(map);
}

wg::PeerId OverlayNode::add_peer(const path::PeerConfig& peer, const IpAddress& address) {
  return set_peer(peer, {IpPrefix(address, address.bit_length())});
}

wg::PeerId OverlayNode::set_peer(const path::PeerConfig& peer,
                                 const std::vector<IpPrefix>& prefixes) {
  wg::PeerId id;
  configure([&](wg::Engine& engine, TimePoint, wg::Actions&) {
    const auto known = engine.find_peer(peer.node_key);
    id = known ? *known : engine.add_peer(peer.node_key).value();
    engine.clear_allowed_ips(id);
    for (const IpPrefix& prefix : prefixes) engine.add_allowed_ip(id, prefix);
  });
  on_peer(id, peer);
  return id;
}

void OverlayNode::remove_peer(const NodePublicKey& key) {
  const auto id = engine().find_peer(key);
  if (!id) return;
  configure([&](wg::Engine& engine, TimePoint at, wg::Actions& out) {
    engine.remove_peer(*id, at, out);
  });
  on_peer_removed(*id);
}

void OverlayNode::wake_up() {
  on_wakeup();
  relays_.on_network_change(now(), relay_actions_);
  finish_relays();
  finish_paths();
}

void OverlayNode::on_network_change() {
  path::LocalNetwork network;
  for (const Machine::Interface& interface : machine_.interfaces()) {
    if (!interface.is_up) continue;
    for (const auto& address : {interface.addresses.v4, interface.addresses.v6}) {
      if (address) network.addresses.push_back({.address = *address, .interface = interface.index});
    }
    if (network.default_v4 == 0 && interface.addresses.v4) network.default_v4 = interface.index;
    if (network.default_v6 == 0 && interface.addresses.v6) network.default_v6 = interface.index;
  }
  network.port_v4 = port_;
  network.port_v6 = port_;
  note("network changed");
  for (const auto& [region, stream] : streams_) {
    const IpAddress& local = stream->stream->local().address;
    const bool is_ours = std::ranges::any_of(
        network.addresses,
        [&](const path::InterfaceAddress& ours) { return ours.address == local; });
    if (is_ours) continue;
    stream->stream->abort();
    relays_.on_closed(region, stream->attempt, now(), relay_actions_);
  }
  relays_.on_network_change(now(), relay_actions_);
  finish_relays();
  on_network(network);
}

bool OverlayNode::send_by_udp(const UdpPath& to, ByteView datagram) {
  return machine_.send(port_, to, datagram);
}

void OverlayNode::receive_relayed(const relay::Route& from, ByteView datagram) {
  relayed_from_ = from;
  receive(datagram, wg::relayed_source(from));
  relayed_from_.reset();
}

void OverlayNode::set_home(relay::RegionId region) {
  relays_.set_home(region, now(), relay_actions_);
  finish_relays();
}

void OverlayNode::check_relay(relay::RegionId region) {
  relays_.check(region, now(), relay_actions_);
  finish_relays();
}

std::optional<Duration> OverlayNode::measure_relay(relay::RegionId region) const {
  const auto* const connection = relays_.find(region);
  if (connection == nullptr || connection->state() != relay::client::Connection::State::Up)
    return std::nullopt;
  return connection->round_trip();
}

void OverlayNode::send_by_relay(const relay::Route& to, ByteView datagram) {
  std::vector<std::uint8_t> frame(relay::kPacketFrameOverhead + datagram.size());
  relay::encode_packet(frame, relay::FrameType::SendPacket, to.peer, datagram);
  if (!relays_.want(to.region, now(), relay_actions_)) return;
  finish_relays();
  const auto found = streams_.find(to.region);
  if (relays_.accepts_packets(to.region) && found != streams_.end()) {
    if (relays_.admit(to.region, frame.size(), now()) && found->second->stream->send(frame))
      relays_.on_written(to.region, now());
    finish_relays();
    return;
  }
  if (found == streams_.end()) return;
  auto& waiting = found->second->waiting;
  if (waiting.size() == kMaxWaitingFrames) waiting.pop_front();
  waiting.push_back(std::move(frame));
}

void OverlayNode::finish_relays() {
  if (performs_relays_) return;
  performs_relays_ = true;
  while (!relay_actions_.empty()) {
    for (const relay::client::Action& action : std::exchange(relay_actions_, {})) perform(action);
  }
  performs_relays_ = false;
  const TimePoint next = relays_.next_timeout();
  if (next == kNever || next >= relays_wake_) return;
  relays_wake_ = next;
  time().at(next, [this, alive = std::weak_ptr(alive_), next] {
    if (alive.expired() || relays_wake_ != next) return;
    relays_wake_ = kNever;
    relays_.on_timeout(now(), relay_actions_);
    finish_relays();
    finish_paths();
  });
}

void OverlayNode::perform(const relay::client::Action& action) {
  if (const auto* const wanted = std::get_if<relay::client::Connect>(&action)) {
    connect(*wanted);
  } else if (const auto* const write = std::get_if<relay::client::Write>(&action)) {
    const auto found = streams_.find(write->region);
    if (found != streams_.end() && found->second->stream->send(write->bytes))
      relays_.on_written(write->region, now());
  } else if (const auto* const close = std::get_if<relay::client::Close>(&action)) {
    const auto found = streams_.find(close->region);
    if (found == streams_.end()) return;
    found->second->stream->abort();
    streams_.erase(found);
  } else if (const auto* const up = std::get_if<relay::client::Up>(&action)) {
    note("relay up");
    if (const auto found = streams_.find(up->region); found != streams_.end()) {
      for (const auto& frame : std::exchange(found->second->waiting, {}))
        found->second->stream->send(frame);
    }
    on_relay_up(up->region);
  } else if (const auto* const down = std::get_if<relay::client::Down>(&action)) {
    note("relay down");
    on_relay_down(down->region);
  } else if (const auto* const gone = std::get_if<relay::client::Gone>(&action)) {
    on_peer_gone(gone->peer);
  }
}

void OverlayNode::connect(const relay::client::Connect& action) {
  const auto address = IpAddress::parse(action.node.ipv4);
  auto& slot = streams_[action.region];
  auto waiting = slot ? std::move(slot->waiting) : std::deque<std::vector<std::uint8_t>>{};
  if (slot) slot->stream->abort();
  slot = std::make_unique<RelayStream>();
  slot->attempt = action.attempt;
  slot->began = now();
  slot->waiting = std::move(waiting);
  const auto region = action.region;
  const auto attempt = action.attempt;
  const std::weak_ptr<bool> alive = alive_;
  StreamEvents events;
  events.on_open = [this, alive, region, attempt] {
    if (alive.expired() || !streams_.contains(region)) return;
    relays_.on_answered(region, attempt);
    RelayStream& relay = *streams_[region];
    relay.round_trip = now() - relay.began;
    relay.stream->send(RelayStation::kClientHello);
  };
  events.on_message = [this, alive, region](ByteView bytes) {
    if (!alive.expired()) read_relay(region, bytes);
  };
  events.on_closed = [this, alive, region, attempt](StreamEnd) {
    if (alive.expired()) return;
    relays_.on_closed(region, attempt, now(), relay_actions_);
    finish_relays();
    finish_paths();
  };
  slot->stream =
      machine_.connect({.address = *address, .port = action.node.relay_port}, std::move(events),
                       {.connect_timeout = relay::client::kNodeDialLimit});
}

void OverlayNode::read_relay(relay::RegionId region, ByteView bytes) {
  const auto found = streams_.find(region);
  if (found == streams_.end()) return;
  RelayStream& relay = *found->second;
  if (!relay.is_secured) {
    relay.is_secured = true;
    relays_.on_connected(
        region, relay.attempt,
        {.server_key = RelayStation::key_in_hello(bytes), .round_trip = relay.round_trip}, now(),
        relay_actions_);
    finish_relays();
    return;
  }
  while (!bytes.empty() && relays_.find(region) != nullptr && streams_.contains(region)) {
    const MutableByteView space = relays_.read_space(region);
    const std::size_t size = std::min(space.size(), bytes.size());
    if (size == 0) return;
    std::ranges::copy(bytes.first(size), space.begin());
    bytes = bytes.subspan(size);
    relays_.on_read(region, size, now());
    while (const auto packet = relays_.next_packet(region, now(), relay_actions_)) {
      const std::vector<std::uint8_t> datagram(packet->packet.begin(), packet->packet.end());
      on_relayed({.region = region, .peer = packet->key}, datagram);
    }
    finish_relays();
  }
  finish_paths();
}

}  // namespace warren::sim
