#include <algorithm>
#include <cstring>
#include <utility>

#include "proto/disco/frame.h"
#include "relay/hub_state.h"

// The way of a packet: from its sender's slab into its receiver's record.
namespace warren::relay {

namespace {

constexpr std::size_t kSmallBuffer = 4096;  // what an idle connection may keep

bool looks_like_disco(ByteView packet) {
  return packet.size() >= 62 && disco::looks_like_frame(packet);  // paths 2.5
}

}  // namespace

void Hub::State::forward(Connection& connection,
                         MutableByteView frame,
                         TimePoint now,
                         Actions& out) {
  Peer& source = *connection.peer;
  const auto packet = decode_packet(frame.subspan(kFrameHeaderSize));
  if (!packet) return;  // its size was checked with the header
  const bool is_disco = looks_like_disco(packet->packet);
  ++counters.packets_received;
  counters.bytes_received += packet->packet.size();
  counters.disco_received += is_disco ? 1U : 0U;
  Flow* const flow = flow_to(source, packet->key);
  if (flow == nullptr) {
    on_unknown_destination(connection, packet->key, is_disco, now, out);
    return;
  }
  // A SendPacket becomes a RecvPacket of the same length (data-plane section 6).
  frame[0] = std::to_underlying(FrameType::RecvPacket);
  std::ranges::copy(source.key.bytes(), frame.begin() + kFrameHeaderSize);
  const auto offset = static_cast<std::size_t>(frame.data() - connection.slab->bytes);
  const PacketRef queued = slabs.refer(*connection.slab, offset, frame.size());
  Peer& destination = *flow->destination;
  if (is_disco && flow->disco_rate.take(limits.disco_interval, limits.disco_burst, now)) {
    destination.disco.push(flow->disco, queued, now);
  } else {
    counters.disco_demoted += is_disco ? 1U : 0U;
    destination.data.push(flow->data, queued, now);
  }
  wake(*destination.active, out);
}

// Null when the destination is not here, or the source sends to too many at once.
Flow* Hub::State::flow_to(Peer& source, const NodePublicKey& destination) {
  const auto known = source.routes.find(destination);
  if (known != source.routes.end()) return known->second;
  const auto found = peers.find(destination);
  if (found == peers.end()) return nullptr;
  if (!make_room_for_flow(source)) {
    ++counters.too_many_flows;
    return nullptr;
  }
  Peer& receiver = *found->second;
  sweep_orphans(receiver);
  Flow& flow = receiver.inbound.emplace_front();
  flow.source = &source;
  flow.destination = &receiver;
  flow.self = receiver.inbound.begin();
  source.routes.emplace(destination, &flow);
  ++flow_count;
  return &flow;
}

bool Hub::State::make_room_for_flow(Peer& source) {
  if (source.routes.size() < limits.flows_per_source) return true;
  constexpr int kTries = 8;  // nearly all are idle, unless the source floods
  auto route = source.routes.begin();
  for (int i = 0; i < kTries && route != source.routes.end(); ++i, ++route) {
    const Flow& flow = *route->second;
    if (!flow.is_empty()) continue;
    flow.destination->inbound.erase(flow.self);
    source.routes.erase(route);
    --flow_count;
    return true;
  }
  return false;
}

void Hub::State::on_unknown_destination(Connection& connection,
                                        const NodePublicKey& destination,
                                        bool is_disco,
                                        TimePoint now,
                                        Actions& out) {
  if (peers.contains(destination)) return;  // too many flows
  ++counters.unknown_destination;
  if (!is_disco) return;
  if (!connection.not_here.take(limits.not_here_interval, limits.not_here_burst, now)) return;
  ++counters.not_here_sent;
  send_control(connection, encode_peer_gone({.peer = destination, .reason = GoneReason::NotHere}),
               out);
}

// The source has gone; what waits is still delivered.
void Hub::State::orphan(Flow& flow) {
  Peer& receiver = *flow.destination;
  sweep_orphans(receiver);
  flow.source = nullptr;
  if (flow.is_empty()) {
    receiver.inbound.erase(flow.self);
    --flow_count;
  } else {
    receiver.orphans.splice(receiver.orphans.end(), receiver.inbound, flow.self);
  }
}

void Hub::State::sweep_orphans(Peer& peer) {
  if (peer.orphans.empty()) return;
  flow_count -= peer.orphans.remove_if([](const Flow& flow) { return flow.is_empty(); });
}

std::size_t Hub::fill(ConnectionId id, MutableByteView record, TimePoint now) {
  Connection* const connection = state_->find(id);
  return connection == nullptr ? 0 : state_->fill(*connection, record, now);
}

std::size_t Hub::State::fill(Connection& connection, MutableByteView record, TimePoint now) {
  std::size_t used = take_outgoing(connection, record);
  Peer* const peer = connection.peer;
  if (connection.outgoing.empty() && peer != nullptr && peer->active == &connection) {
    if (take_packets(connection, peer->disco, record, used, now)) {
      static_cast<void>(take_packets(connection, peer->data, record, used, now));
    }
    sweep_orphans(*peer);
  }
  if (used == 0) connection.is_awake = false;
  return used;
}

bool Hub::State::take_packets(Connection& connection,
                              FairQueue& queue,
                              MutableByteView record,
                              std::size_t& used,
                              TimePoint now) {
  for (const PacketRef* frame = queue.front(now); frame != nullptr; frame = queue.front(now)) {
    const ByteView bytes = frame->bytes();
    const bool fits = bytes.size() <= record.size() - used;
    if (!fits && used > 0) return false;
    ++counters.packets_sent;
    counters.bytes_sent += bytes.size() - kPacketFrameOverhead;
    if (fits) {
      std::memcpy(record.data() + used, bytes.data(), bytes.size());
      used += bytes.size();
      queue.pop();
    } else {  // larger than a record: goes in pieces
      connection.outgoing.assign(bytes.begin(), bytes.end());
      queue.pop();
      used = take_outgoing(connection, record);
      return false;
    }
  }
  return true;
}

std::size_t Hub::State::take_outgoing(Connection& connection, MutableByteView record) {
  std::vector<std::uint8_t>& outgoing = connection.outgoing;
  const ByteView rest = ByteView(outgoing).subspan(connection.outgoing_sent);
  const std::size_t size = std::min(rest.size(), record.size());
  if (size == 0) return 0;
  std::memcpy(record.data(), rest.data(), size);
  connection.outgoing_sent += size;
  if (size == rest.size()) {
    outgoing.clear();
    connection.outgoing_sent = 0;
    if (outgoing.capacity() > kSmallBuffer) outgoing.shrink_to_fit();
  }
  return size;
}

}  // namespace warren::relay
