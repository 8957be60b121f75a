#include <algorithm>
#include <cstring>
#include <utility>

#include "proto/relay/login.h"
#include "relay/hub_state.h"

// What clients send: frames out of a byte stream, and the login.
namespace warren::relay {

namespace {

// A slab with less room than a TLS record (RFC 8446 section 5.1) is left for a new one.
constexpr std::size_t kLeastRoom = 16384;
// Of a type we do not know: as much as a client would take from us (paths 2.2).
constexpr std::size_t kMaxUnknownFrame = kMaxClientFrame;
constexpr std::size_t kMinPing = 8;     // paths 2.2
constexpr std::size_t kMaxPing = 1000;  // paths 2.2

bool is_known(std::uint8_t type) {
  switch (FrameType{type}) {
    case FrameType::SendPacket:
    case FrameType::NotePreferred:
    case FrameType::Ping:
      return true;
    default:
      return false;
  }
}

// Bytes missing from the frame that begins at `parsed`; at least 1.
std::size_t missing(const Connection& connection) {
  const ByteView have =
      ByteView(connection.slab->bytes).first(connection.filled).subspan(connection.parsed);
  if (connection.skip > 0) return 1;
  if (have.size() < kFrameHeaderSize) return kFrameHeaderSize - have.size();
  return kFrameHeaderSize + decode_frame_header(have).size - have.size();
}

}  // namespace

MutableByteView Hub::receive_buffer(ConnectionId id, Actions& out) {
  Connection* const connection = state_->find(id);
  if (connection == nullptr) return {};
  Slab* const slab = state_->receiving_slab(*connection);
  if (slab == nullptr) {
    state_->close(*connection, CloseReason::NoMemory, out);
    return {};
  }
  return MutableByteView(slab->bytes).subspan(connection->filled);
}

void Hub::on_received(ConnectionId id, std::size_t size, TimePoint now, Actions& out) {
  Connection* const connection = state_->find(id);
  if (connection == nullptr || connection->slab == nullptr) return;
  WARREN_CHECK(size <= Slab::kSize - connection->filled);
  connection->filled += size;
  state_->parse(*connection, now, out);
}

void Hub::on_receive_idle(ConnectionId id) {
  Connection* const connection = state_->find(id);
  if (connection == nullptr || connection->slab == nullptr) return;
  if (connection->parsed != connection->filled) return;
  if (connection->slab->generation == connection->slab_generation) {
    state_->slabs.set_idle(*connection->slab);
  }
}

// The slab that has room for the rest of the frame that has begun; null when there is no memory.
Slab* Hub::State::receiving_slab(Connection& connection) {
  Slab* const old = connection.slab;
  if (old != nullptr && old->generation == connection.slab_generation) {
    old->is_idle = false;
    if (connection.parsed == connection.filled && old->references == 1) {
      connection.parsed = connection.filled = 0;  // all was read, and nothing waits in it
    }
    const std::size_t room = Slab::kSize - connection.filled;
    const bool is_enough =
        room >= missing(connection) && (room >= kLeastRoom || connection.parsed == 0);
    if (is_enough) return old;
  } else {
    connection.slab = nullptr;
    connection.parsed = connection.filled = 0;  // it was idle, so there was no half frame
  }
  Slab* const slab = slabs.acquire(connection.slabs);
  if (slab == nullptr) return nullptr;
  const std::size_t half = connection.filled - connection.parsed;
  if (half > 0) std::memcpy(slab->bytes, old->bytes + connection.parsed, half);
  drop_slab(connection);
  connection.slab = slab;
  connection.slab_generation = slab->generation;
  connection.parsed = 0;
  connection.filled = half;
  return slab;
}

void Hub::State::drop_slab(Connection& connection) {
  Slab* const slab = std::exchange(connection.slab, nullptr);
  if (slab != nullptr && slab->generation == connection.slab_generation) slabs.finish(*slab);
}

void Hub::State::parse(Connection& connection, TimePoint now, Actions& out) {
  const std::size_t before = connection.parsed;
  while (!connection.is_closing) {
    const std::size_t skipped = std::min(connection.skip, connection.filled - connection.parsed);
    connection.parsed += skipped;
    connection.skip -= skipped;
    const ByteView have =
        ByteView(connection.slab->bytes).first(connection.filled).subspan(connection.parsed);
    if (have.size() < kFrameHeaderSize) break;
    const FrameHeader header = decode_frame_header(have);
    if (const auto reason = refuse_header(connection, header)) {
      close(connection, *reason, out);
      return;
    }
    if (connection.peer != nullptr && !is_known(header.type)) {
      ++counters.unknown_frames;
      connection.skip = kFrameHeaderSize + header.size;
      continue;
    }
    if (have.size() < kFrameHeaderSize + header.size) break;
    const std::size_t offset = connection.parsed;
    connection.parsed += kFrameHeaderSize + header.size;
    on_frame(connection, header, offset, now, out);
  }
  if (connection.is_closing) return;
  const bool is_half = connection.skip > 0 || connection.parsed < connection.filled;
  if (!is_half) {
    connection.half_since = kNever;
  } else if (connection.half_since == kNever || connection.parsed > before) {
    connection.half_since = now;
    if (now + limits.half_frame < connection.timer) rearm(connection);
  }
}

std::optional<CloseReason> Hub::State::refuse_header(const Connection& connection,
                                                     const FrameHeader& header) const {
  const auto unless = [](bool is_right, CloseReason reason) {
    return is_right ? std::nullopt : std::optional(reason);
  };
  const FrameType type{header.type};
  if (connection.peer == nullptr) {
    return unless(type == FrameType::ClientInfo && header.size >= kMinClientInfo &&
                      header.size <= limits.client_info,
                  CloseReason::BadLogin);
  }
  switch (type) {
    case FrameType::SendPacket:
      return unless(header.size >= kKeySize && header.size <= kKeySize + kMaxPacketSize,
                    CloseReason::BadFrame);
    case FrameType::NotePreferred:
      return unless(header.size == 1, CloseReason::BadFrame);
    case FrameType::Ping:
      return unless(header.size >= kMinPing && header.size <= kMaxPing, CloseReason::BadFrame);
    case FrameType::ForwardPacket:
    case FrameType::WatchConns:
    case FrameType::ClosePeer:
      return CloseReason::Forbidden;
    default:
      return unless(header.size <= kMaxUnknownFrame, CloseReason::BadFrame);
  }
}

void Hub::State::on_frame(Connection& connection,
                          const FrameHeader& header,
                          std::size_t offset,
                          TimePoint now,
                          Actions& out) {
  const MutableByteView frame =
      MutableByteView(connection.slab->bytes).subspan(offset, kFrameHeaderSize + header.size);
  const MutableByteView payload = frame.subspan(kFrameHeaderSize);
  if (connection.peer == nullptr) {
    on_login(connection, payload, now, out);
    return;
  }
  Peer& peer = *connection.peer;
  if (peer.active != &connection) {  // paths 2.5: whichever sent a frame last
    peer.active = &connection;
    if (!peer.disco.is_empty() || !peer.data.is_empty()) wake(connection, out);
  }
  switch (FrameType{header.type}) {
    case FrameType::SendPacket:
      forward(connection, frame, now, out);
      break;
    case FrameType::Ping:
      on_ping(connection, payload, out);
      break;
    default:  // NotePreferred makes no difference here
      break;
  }
}

void Hub::State::on_ping(Connection& connection, ByteView payload, Actions& out) {
  const auto data = decode_ping(payload);
  if (data) send_control(connection, encode_ping(FrameType::Pong, *data), out);
}

void Hub::State::on_login(Connection& connection, ByteView payload, TimePoint now, Actions& out) {
  const auto opened = open_client_info(payload, key);
  if (!opened) {
    close(connection, CloseReason::BadLogin, out);
    return;
  }
  if (!members->contains(opened->client)) {
    close(connection, CloseReason::NotAdmitted, out);
    return;
  }
  ++counters.logins;
  connection.login_by = kNever;
  const auto jitter =
      static_cast<std::uint64_t>(std::max<Duration::rep>(limits.keep_alive_jitter.count(), 1));
  connection.keep_alive =
      limits.keep_alive + Duration(static_cast<Duration::rep>(random.below(jitter)));
  connection.next_keep_alive = now + connection.keep_alive;
  rearm(connection);
  send_control(connection,
               seal_server_info({.version = kProtocolVersion}, key, opened->client, random), out);
  if (!health.empty()) send_health(connection, out);
  register_peer(connection, opened->client, out);
}

void Hub::State::register_peer(Connection& connection, const NodePublicKey& its_key, Actions& out) {
  auto& peer = peers[its_key];
  if (!peer) peer = std::make_unique<Peer>(its_key, limits, slabs, packets, counters);
  connection.peer = peer.get();
  peer->connections.push_back(&connection);
  peer->active = &connection;
  if (!peer->disco.is_empty() || !peer->data.is_empty()) wake(connection, out);
  if (peer->connections.size() > limits.connections_per_key) {
    close(*peer->connections.front(), CloseReason::TooManyOfOneKey, out);
  }
}

void Hub::State::leave(Connection& connection, Actions& out) {
  Peer* const peer = std::exchange(connection.peer, nullptr);
  if (peer == nullptr) return;
  std::erase(peer->connections, &connection);
  if (peer->connections.empty()) {
    remove_peer(*peer, out);
  } else if (peer->active == &connection) {
    peer->active = peer->connections.back();
    if (!peer->disco.is_empty() || !peer->data.is_empty()) wake(*peer->active, out);
  }
}

// Tells those that received something from it (paths 2.5).
void Hub::State::remove_peer(Peer& peer, Actions& out) {
  const auto gone = encode_peer_gone({.peer = peer.key, .reason = GoneReason::Disconnected});
  for (const auto& [destination, flow] : std::exchange(peer.routes, {})) {
    Peer& receiver = *flow->destination;
    if (&receiver != &peer) send_control(*receiver.active, gone, out);
    orphan(*flow);
  }
  for (const Flow& flow : peer.inbound) flow.source->routes.erase(peer.key);
  flow_count -= peer.inbound.size() + peer.orphans.size();
  peers.erase(peer.key);
}

}  // namespace warren::relay
