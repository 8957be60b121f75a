#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/box.h"
#include "crypto/keys.h"

// DERP frames (spec: paths section 2.2): a byte stream each way of
//
//   type(1) length(4, big-endian, of what follows) payload
//
// Unknown types are skipped by their length, by both sides.
namespace warren::relay {

enum class FrameType : std::uint8_t {
  ServerKey = 0x01,      // S to C  magic(8) key(32)
  ClientInfo = 0x02,     // C to S  key(32) nonce(24) box(JSON)
  ServerInfo = 0x03,     // S to C  nonce(24) box(JSON)
  SendPacket = 0x04,     // C to S  destination(32) packet
  RecvPacket = 0x05,     // S to C  source(32) packet
  KeepAlive = 0x06,      // S to C  empty
  NotePreferred = 0x07,  // C to S  1 byte
  PeerGone = 0x08,       // S to C  key(32) reason(1)
  PeerPresent = 0x09,    // S to mesh
  ForwardPacket = 0x0a,  // mesh to S
  WatchConns = 0x10,     // mesh to S
  ClosePeer = 0x11,      // mesh to S
  Ping = 0x12,           // both    8 bytes
  Pong = 0x13,           // both    8 bytes
  Health = 0x14,         // S to C  text
  Restarting = 0x15,     // S to C  reconnect in(4) try for(4), milliseconds
};

inline constexpr std::size_t kFrameHeaderSize = 5;
inline constexpr std::size_t kMaxPacketSize = 65536;  // of a SendPacket or RecvPacket
// Header and key before the packet; equal for SendPacket and RecvPacket, so a server rewrites one
// into the other where it lies (spec: data-plane section 6).
inline constexpr std::size_t kPacketFrameOverhead = kFrameHeaderSize + kKeySize;
inline constexpr std::size_t kMaxClientFrame = std::size_t{1} << 20;  // what a client accepts
inline constexpr std::size_t kMinClientInfo = 56;
inline constexpr std::size_t kMaxClientInfo = 262144;
inline constexpr std::uint8_t kProtocolVersion = 2;

using PingData = std::array<std::uint8_t, 8>;

enum class GoneReason : std::uint8_t {
  Disconnected = 0x00,
  NotHere = 0x01,
};

struct FrameHeader {
  std::uint8_t type = 0;  // perhaps none of FrameType
  std::uint32_t size = 0;

  bool operator==(const FrameHeader&) const = default;
};

// A frame at the front of a stream's bytes; `payload` is borrowed.
struct Frame {
  std::uint8_t type = 0;
  ByteView payload;

  std::size_t size() const { return kFrameHeaderSize + payload.size(); }
};

// `bytes` holds kFrameHeaderSize bytes.
FrameHeader decode_frame_header(ByteView bytes);
// None while the frame is not complete.
std::optional<Frame> next_frame(ByteView stream);
void encode_frame_header(MutableByteView out, FrameType type, std::size_t payload_size);

// Payload of SendPacket (key: destination) and RecvPacket (key: source).
struct PacketFrame {
  NodePublicKey key;
  ByteView packet;  // borrowed; at most kMaxPacketSize
};

Result<PacketFrame, DecodeError> decode_packet(ByteView payload);
// `out` holds exactly kPacketFrameOverhead + packet.size() bytes.
void encode_packet(MutableByteView out, FrameType type, const NodePublicKey& key, ByteView packet);

Result<RelayPublicKey, DecodeError> decode_server_key(ByteView payload);
Result<bool, DecodeError> decode_note_preferred(ByteView payload);
Result<PingData, DecodeError> decode_ping(ByteView payload);  // ping and pong; longer is cut

struct PeerGone {
  NodePublicKey peer;
  GoneReason reason = GoneReason::Disconnected;

  bool operator==(const PeerGone&) const = default;
};

Result<PeerGone, DecodeError> decode_peer_gone(ByteView payload);

struct Restarting {
  std::uint32_t reconnect_in_ms = 0;
  std::uint32_t try_for_ms = 0;

  bool operator==(const Restarting&) const = default;
};

Result<Restarting, DecodeError> decode_restarting(ByteView payload);

// Whole frames.
std::array<std::uint8_t, kFrameHeaderSize + 40> encode_server_key(const RelayPublicKey& key);
std::array<std::uint8_t, kFrameHeaderSize + 1> encode_note_preferred(bool is_home);
std::array<std::uint8_t, kFrameHeaderSize> encode_keep_alive();
std::array<std::uint8_t, kFrameHeaderSize + 8> encode_ping(FrameType ping_or_pong,
                                                           const PingData& data);
std::array<std::uint8_t, kFrameHeaderSize + kKeySize + 1> encode_peer_gone(const PeerGone& gone);
std::array<std::uint8_t, kFrameHeaderSize + 8> encode_restarting(const Restarting& message);

}  // namespace warren::relay
