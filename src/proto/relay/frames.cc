#include "proto/relay/frames.h"

#include <algorithm>
#include <utility>

namespace warren::relay {

namespace {

constexpr std::array<std::uint8_t, 8> kMagic = {0x44, 0x45, 0x52, 0x50,
                                                0xF0, 0x9F, 0x94, 0x91};  // spec: paths section 2.2
constexpr std::size_t kMaxServerKey = 1024;                               // spec: paths section 2.2
constexpr std::size_t kMaxPing = 1000;                                    // spec: paths section 2.2

// A frame of N bytes, and a writer behind its header.
template <std::size_t N>
struct FrameWriter {
  explicit FrameWriter(FrameType type) { encode_frame_header(bytes, type, N - kFrameHeaderSize); }

  std::array<std::uint8_t, N> bytes{};
  ByteWriter payload{MutableByteView(bytes).subspan(kFrameHeaderSize)};
};

}  // namespace

FrameHeader decode_frame_header(ByteView bytes) {
  ByteReader in(bytes);
  FrameHeader out;
  out.type = in.u8();
  out.size = in.be32();
  WARREN_CHECK(in.ok());
  return out;
}

std::optional<Frame> next_frame(ByteView stream) {
  if (stream.size() < kFrameHeaderSize) return std::nullopt;
  const FrameHeader header = decode_frame_header(stream);
  const ByteView rest = stream.subspan(kFrameHeaderSize);
  if (rest.size() < header.size) return std::nullopt;
  return Frame{.type = header.type, .payload = rest.first(header.size)};
}

void encode_frame_header(MutableByteView out, FrameType type, std::size_t payload_size) {
  ByteWriter writer(out);
  writer.u8(std::to_underlying(type));
  writer.be32(static_cast<std::uint32_t>(payload_size));
  WARREN_CHECK(writer.ok());
}

Result<PacketFrame, DecodeError> decode_packet(ByteView payload) {
  ByteReader in(payload);
  PacketFrame out;
  out.key = NodePublicKey(in.array<kKeySize>());
  out.packet = in.rest();
  if (!in.ok()) return unexpected(DecodeError::Truncated);
  if (out.packet.size() > kMaxPacketSize) return unexpected(DecodeError::BadLength);
  return out;
}

void encode_packet(MutableByteView out, FrameType type, const NodePublicKey& key, ByteView packet) {
  WARREN_CHECK(out.size() == kPacketFrameOverhead + packet.size());
  encode_frame_header(out, type, kKeySize + packet.size());
  ByteWriter writer(out.subspan(kFrameHeaderSize));
  writer.bytes(key.bytes());
  writer.bytes(packet);
}

Result<RelayPublicKey, DecodeError> decode_server_key(ByteView payload) {
  ByteReader in(payload);
  const ByteView magic = in.take(kMagic.size());
  const RelayPublicKey key(in.array<kKeySize>());
  if (!in.ok()) return unexpected(DecodeError::Truncated);
  if (!std::ranges::equal(magic, kMagic)) return unexpected(DecodeError::NotThisMessage);
  if (payload.size() > kMaxServerKey) return unexpected(DecodeError::BadLength);
  return key;
}

Result<bool, DecodeError> decode_note_preferred(ByteView payload) {
  if (payload.empty()) return unexpected(DecodeError::Truncated);
  if (payload.size() > 1) return unexpected(DecodeError::BadLength);
  return payload[0] != 0;
}

Result<PingData, DecodeError> decode_ping(ByteView payload) {
  ByteReader in(payload);
  const auto data = in.array<std::tuple_size_v<PingData>>();
  if (!in.ok()) return unexpected(DecodeError::Truncated);
  if (payload.size() > kMaxPing) return unexpected(DecodeError::BadLength);
  return data;
}

Result<PeerGone, DecodeError> decode_peer_gone(ByteView payload) {
  ByteReader in(payload);
  PeerGone out;
  out.peer = NodePublicKey(in.array<kKeySize>());
  if (!in.ok()) return unexpected(DecodeError::Truncated);
  // Old servers give no reason, and a reason of the future still says that the peer is gone.
  if (in.remaining() > 0 && in.u8() == std::to_underlying(GoneReason::NotHere)) {
    out.reason = GoneReason::NotHere;
  }
  return out;
}

Result<Restarting, DecodeError> decode_restarting(ByteView payload) {
  ByteReader in(payload);
  Restarting out;
  out.reconnect_in_ms = in.be32();
  out.try_for_ms = in.be32();
  if (!in.ok()) return unexpected(DecodeError::Truncated);
  return out;
}

std::array<std::uint8_t, kFrameHeaderSize + 40> encode_server_key(const RelayPublicKey& key) {
  FrameWriter<kFrameHeaderSize + 40> out(FrameType::ServerKey);
  out.payload.bytes(kMagic);
  out.payload.bytes(key.bytes());
  return out.bytes;
}

std::array<std::uint8_t, kFrameHeaderSize + 1> encode_note_preferred(bool is_home) {
  FrameWriter<kFrameHeaderSize + 1> out(FrameType::NotePreferred);
  out.payload.u8(is_home ? 1 : 0);
  return out.bytes;
}

std::array<std::uint8_t, kFrameHeaderSize> encode_keep_alive() {
  return FrameWriter<kFrameHeaderSize>(FrameType::KeepAlive).bytes;
}

std::array<std::uint8_t, kFrameHeaderSize + 8> encode_ping(FrameType ping_or_pong,
                                                           const PingData& data) {
  FrameWriter<kFrameHeaderSize + 8> out(ping_or_pong);
  out.payload.bytes(data);
  return out.bytes;
}

std::array<std::uint8_t, kFrameHeaderSize + kKeySize + 1> encode_peer_gone(const PeerGone& gone) {
  FrameWriter<kFrameHeaderSize + kKeySize + 1> out(FrameType::PeerGone);
  out.payload.bytes(gone.peer.bytes());
  out.payload.u8(std::to_underlying(gone.reason));
  return out.bytes;
}

std::array<std::uint8_t, kFrameHeaderSize + 8> encode_restarting(const Restarting& message) {
  FrameWriter<kFrameHeaderSize + 8> out(FrameType::Restarting);
  out.payload.be32(message.reconnect_in_ms);
  out.payload.be32(message.try_for_ms);
  return out.bytes;
}

}  // namespace warren::relay
