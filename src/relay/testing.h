#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "proto/relay/frames.h"
#include "proto/relay/login.h"
#include "relay/hub.h"

// A hub with clients driven by hand, for tests.
namespace warren::relay {

using Bytes = std::vector<std::uint8_t>;

// A frame that a client got.
struct Received {
  FrameType type;
  Bytes payload;

  bool operator==(const Received&) const = default;
};

inline Bytes make_frame(std::uint8_t type, ByteView payload) {
  Bytes out(kFrameHeaderSize + payload.size());
  encode_frame_header(out, FrameType{type}, payload.size());
  std::ranges::copy(payload, out.begin() + kFrameHeaderSize);
  return out;
}

inline Bytes make_packet(FrameType type, const NodePublicKey& key, ByteView packet) {
  Bytes out(kPacketFrameOverhead + packet.size());
  encode_packet(out, type, key, packet);
  return out;
}

inline Received received_packet(const NodePublicKey& source, ByteView packet) {
  const Bytes frame = make_packet(FrameType::RecvPacket, source, packet);
  return {FrameType::RecvPacket, Bytes(frame.begin() + kFrameHeaderSize, frame.end())};
}

// A datagram that a relay takes for a path probe: magic (spec: paths section 4.1) and something.
inline Bytes fake_disco(std::uint8_t content) {
  Bytes out(62, content);
  const std::uint8_t magic[] = {0x54, 0x53, 0xf0, 0x9f, 0x92, 0xac};
  std::ranges::copy(magic, out.begin());
  return out;
}

// Removes and returns the whole frames at the front of a stream.
inline std::vector<Received> take_frames(Bytes& stream) {
  std::vector<Received> out;
  ByteView rest = stream;
  while (const auto frame = next_frame(rest)) {
    out.push_back({FrameType{frame->type}, {frame->payload.begin(), frame->payload.end()}});
    rest = rest.subspan(frame->size());
  }
  stream.erase(stream.begin(), stream.end() - static_cast<std::ptrdiff_t>(rest.size()));
  return out;
}

class HubBench {
 public:
  static constexpr std::size_t kRecord = 16384;

  explicit HubBench(const Limits& limits = {})
      : hub(RelayPrivateKey::generate(random), limits, random) {
    set_members({}, true);
  }

  void set_members(std::vector<NodePublicKey> keys, bool is_everyone = false) {
    auto members = std::make_shared<Members>();
    members->keys.insert(keys.begin(), keys.end());
    members->is_everyone = is_everyone;
    hub.set_members(std::move(members), actions);
    perform();
  }

  // Without login.
  ConnectionId connect() {
    const auto id = hub.on_connected(now, actions);
    perform();
    return id.value();
  }

  Bytes login_frame(const NodePrivateKey& key) {
    return seal_client_info({.mesh_key = "", .version = kProtocolVersion, .can_ack_pings = true},
                            key, hub.public_key(), random);
  }

  ConnectionId login(const NodePrivateKey& key) {
    const ConnectionId id = connect();
    send(id, login_frame(key));
    return id;
  }

  // In as many pieces as the hub's buffers make of it.
  void send(ConnectionId id, ByteView bytes) {
    while (!bytes.empty()) {
      const MutableByteView buffer = hub.receive_buffer(id, actions);
      const std::size_t size = std::min(buffer.size(), bytes.size());
      if (size == 0) break;
      std::ranges::copy(bytes.first(size), buffer.begin());
      hub.on_received(id, size, now, actions);
      bytes = bytes.subspan(size);
    }
    hub.on_receive_idle(id);
    perform();
  }

  void send_packet(ConnectionId from, const NodePublicKey& to, ByteView packet) {
    send(from, make_packet(FrameType::SendPacket, to, packet));
  }

  // What the connection gets, unless it is told to wait with reading.
  std::vector<Received> read(ConnectionId id) {
    pull(id);
    return take_frames(streams[id]);
  }

  // Only those of one type.
  std::vector<Received> read(ConnectionId id, FrameType type) {
    auto frames = read(id);
    std::erase_if(frames, [&](const Received& frame) { return frame.type != type; });
    return frames;
  }

  // One record's worth.
  Bytes read_record(ConnectionId id) {
    Bytes record(kRecord);
    record.resize(hub.fill(id, record, now));
    return record;
  }

  void disconnect(ConnectionId id) {
    hub.on_closed(id, actions);
    perform();
  }

  void advance(Duration by) {
    const TimePoint until = now + by;
    while (hub.next_timeout() <= until) {
      now = std::max(now, hub.next_timeout());
      hub.on_timeout(now, actions);
      perform();
    }
    now = until;
  }

  std::optional<CloseReason> closed(ConnectionId id) const {
    const auto found = closes.find(id);
    return found == closes.end() ? std::nullopt : std::optional(found->second);
  }

  SeededRandom random{1};
  TimePoint now;
  Actions actions;
  Hub hub;
  std::map<ConnectionId, Bytes> streams;
  std::map<ConnectionId, CloseReason> closes;
  std::map<ConnectionId, int> wakes;

 private:
  void pull(ConnectionId id) {
    for (Bytes record = read_record(id); !record.empty(); record = read_record(id)) {
      streams[id].insert(streams[id].end(), record.begin(), record.end());
    }
  }

  void perform() {
    for (const Action& action : std::exchange(actions, {})) {
      if (const auto* const wake = std::get_if<Wake>(&action)) ++wakes[wake->connection];
      if (const auto* const close = std::get_if<Close>(&action)) {
        closes[close->connection] = close->reason;
        hub.on_closed(close->connection, actions);
      }
    }
    if (!actions.empty()) perform();
  }
};

}  // namespace warren::relay
