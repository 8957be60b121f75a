#include "proto/relay/frames.h"

#include <map>
#include <utility>

#include <gtest/gtest.h>

#include "crypto/testing.h"

namespace warren::relay {
namespace {

NodePublicKey node_key(std::uint8_t byte) {
  std::array<std::uint8_t, kKeySize> bytes{};
  bytes.fill(byte);
  return NodePublicKey(bytes);
}

std::uint8_t number(FrameType type) {
  return std::to_underlying(type);
}

Bytes frame_of(std::uint8_t type, ByteView payload) {
  Bytes out(kFrameHeaderSize + payload.size());
  encode_frame_header(out, FrameType::KeepAlive, payload.size());
  out[0] = type;  // perhaps none of FrameType
  std::ranges::copy(payload, out.begin() + kFrameHeaderSize);
  return out;
}

template <std::size_t N>
Bytes to_bytes(const std::array<std::uint8_t, N>& bytes) {
  return {bytes.begin(), bytes.end()};
}

// The same frame, decoded and encoded. Boxes are left to login_test.cc.
Bytes again(const Frame& frame) {
  switch (FrameType{frame.type}) {
    case FrameType::ServerKey:
      return to_bytes(encode_server_key(decode_server_key(frame.payload).value()));
    case FrameType::SendPacket:
    case FrameType::RecvPacket: {
      const PacketFrame packet = decode_packet(frame.payload).value();
      Bytes out(kPacketFrameOverhead + packet.packet.size());
      encode_packet(out, FrameType{frame.type}, packet.key, packet.packet);
      return out;
    }
    case FrameType::KeepAlive:
      return to_bytes(encode_keep_alive());
    case FrameType::NotePreferred:
      return to_bytes(encode_note_preferred(decode_note_preferred(frame.payload).value()));
    case FrameType::PeerGone:
      return to_bytes(encode_peer_gone(decode_peer_gone(frame.payload).value()));
    case FrameType::Ping:
    case FrameType::Pong:
      return to_bytes(encode_ping(FrameType{frame.type}, decode_ping(frame.payload).value()));
    default:
      return frame_of(frame.type, frame.payload);
  }
}

TEST(RelayFrames, EncodesTheFramesOfTheSpec) {
  // Paths appendix A.
  EXPECT_EQ(to_hex(encode_note_preferred(true)), "070000000101");
  EXPECT_EQ(to_hex(encode_keep_alive()), "0600000000");
  // Arithmetic of paths section 2.2.
  EXPECT_EQ(to_hex(encode_note_preferred(false)), "070000000100");
  EXPECT_EQ(to_hex(encode_restarting({.reconnect_in_ms = 1000, .try_for_ms = 60000})),
            "1500000008000003e80000ea60");
  EXPECT_EQ(to_hex(encode_peer_gone({.peer = node_key(0xaa), .reason = GoneReason::NotHere})),
            "0800000021aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa01");
}

TEST(RelayFrames, EncodesWhatItDecodedOfEveryRecordedFrame) {
  std::map<std::string, Bytes> streams;
  std::size_t frames = 0;
  for (const auto& row : read_vectors(WARREN_SOURCE_DIR "/src/proto/relay/testdata/recorded.txt")) {
    if (row[0] == "connection") continue;
    const Bytes frame = frame_of(static_cast<std::uint8_t>(std::stoul(row[1])), from_hex(row[2]));
    Bytes& stream = streams[row[0]];
    stream.insert(stream.end(), frame.begin(), frame.end());
    ++frames;
  }
  EXPECT_EQ(frames, 117U);

  std::map<std::uint8_t, int> seen;
  for (const auto& [direction, stream] : streams) {
    for (ByteView rest = stream; !rest.empty();) {
      const auto frame = next_frame(rest);
      ASSERT_TRUE(frame);
      EXPECT_EQ(to_hex(again(*frame)), to_hex(rest.first(frame->size())));
      rest = rest.subspan(frame->size());
      ++seen[frame->type];
      --frames;
    }
  }
  EXPECT_EQ(frames, 0U);
  EXPECT_EQ(seen[number(FrameType::PeerGone)], 1);
  EXPECT_EQ(seen[number(FrameType::ServerKey)], 10);
}

TEST(RelayFrames, WaitsForTheWholeFrame) {
  const Bytes stream = frame_of(0x77, Bytes(300, 1));  // of no type that we know
  for (std::size_t n = 0; n < stream.size(); ++n) {
    EXPECT_FALSE(next_frame(ByteView(stream).first(n))) << n;
  }
  const auto frame = next_frame(stream);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->type, 0x77);
  EXPECT_EQ(frame->payload.size(), 300U);
  EXPECT_EQ(decode_frame_header(stream), (FrameHeader{.type = 0x77, .size = 300}));
  EXPECT_FALSE(next_frame(from_hex("04ffffffff00")));
}

TEST(RelayFrames, RejectsEveryTruncation) {
  const auto rejects = [](auto decode, std::size_t least) {
    const Bytes payload = from_hex("44455250f09f9491" + std::string(64, 'a'));
    for (std::size_t n = 0; n <= least; ++n) {
      EXPECT_EQ(decode(ByteView(payload).first(n)).has_value(), n == least) << n;
    }
  };
  rejects(decode_packet, 32);
  rejects(decode_server_key, 40);
  rejects(decode_note_preferred, 1);
  rejects(decode_ping, 8);
  rejects(decode_peer_gone, 32);
  rejects(decode_restarting, 8);
}

TEST(RelayFrames, BoundsAPacket) {
  const Bytes largest(kKeySize + kMaxPacketSize);
  EXPECT_TRUE(decode_packet(largest));
  const Bytes larger(kKeySize + kMaxPacketSize + 1);
  const auto refused = decode_packet(larger);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), DecodeError::BadLength);
}

TEST(RelayFrames, RewritesASendIntoAReceiveInPlace) {
  const Bytes packet(100, 0x5a);
  Bytes frame(kPacketFrameOverhead + packet.size());
  encode_packet(frame, FrameType::SendPacket, node_key(1), packet);
  Bytes expected(frame.size());
  encode_packet(expected, FrameType::RecvPacket, node_key(2), packet);
  frame[0] = number(FrameType::RecvPacket);
  std::ranges::copy(node_key(2).bytes(), frame.begin() + kFrameHeaderSize);
  EXPECT_EQ(frame, expected);
}

TEST(RelayFrames, TakesAServerKeyWithATailUpToItsBound) {
  Bytes payload = from_hex("44455250f09f9491" + std::string(64, 'a'));
  const auto key = decode_server_key(payload);
  ASSERT_TRUE(key);
  EXPECT_EQ(to_hex(key->bytes()), std::string(64, 'a'));
  payload.resize(1024);
  EXPECT_EQ(decode_server_key(payload), key);
  payload.resize(1025);
  EXPECT_EQ(decode_server_key(payload), unexpected(DecodeError::BadLength));
  payload.resize(40);
  payload[7] ^= 1;
  EXPECT_EQ(decode_server_key(payload), unexpected(DecodeError::NotThisMessage));
}

TEST(RelayFrames, TakesOneByteForNotePreferred) {
  EXPECT_EQ(decode_note_preferred(from_hex("01")), true);
  EXPECT_EQ(decode_note_preferred(from_hex("00")), false);
  EXPECT_EQ(decode_note_preferred(from_hex("0101")), unexpected(DecodeError::BadLength));
}

TEST(RelayFrames, CutsALongPing) {
  Bytes payload(1000, 7);
  EXPECT_EQ(decode_ping(payload), (PingData{7, 7, 7, 7, 7, 7, 7, 7}));
  payload.push_back(7);
  EXPECT_EQ(decode_ping(payload), unexpected(DecodeError::BadLength));
}

TEST(RelayFrames, TakesAnyReasonForAPeerThatIsGone) {
  const std::string key(64, 'a');
  const auto reason = [](const std::string& hex) {
    return decode_peer_gone(from_hex(hex)).value().reason;
  };
  EXPECT_EQ(reason(key), GoneReason::Disconnected);  // old servers
  EXPECT_EQ(reason(key + "00"), GoneReason::Disconnected);
  EXPECT_EQ(reason(key + "01"), GoneReason::NotHere);
  EXPECT_EQ(reason(key + "01ff"), GoneReason::NotHere);  // a longer one of the future
  EXPECT_EQ(reason(key + "7f"), GoneReason::Disconnected);
}

TEST(RelayFrames, TakesALongerRestarting) {
  EXPECT_EQ(decode_restarting(from_hex("000003e80000ea60ff")),
            (Restarting{.reconnect_in_ms = 1000, .try_for_ms = 60000}));
}

}  // namespace
}  // namespace warren::relay
