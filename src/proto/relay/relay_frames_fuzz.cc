#include <algorithm>
#include <vector>

#include "proto/relay/frames.h"

using warren::ByteView;
namespace relay = warren::relay;

namespace {

// Every decoder on every payload: what decodes stays the same when it is encoded and decoded.
void check(const relay::Frame& frame) {
  const auto payload = [](const auto& whole) {
    return ByteView(whole).subspan(relay::kFrameHeaderSize);
  };
  if (const auto packet = relay::decode_packet(frame.payload)) {
    std::vector<std::uint8_t> again(frame.size());
    relay::encode_packet(again, relay::FrameType{frame.type}, packet->key, packet->packet);
    const auto same = relay::next_frame(again);
    WARREN_CHECK(same && same->type == frame.type);
    WARREN_CHECK(std::ranges::equal(same->payload, frame.payload));
  }
  if (const auto key = relay::decode_server_key(frame.payload)) {
    WARREN_CHECK(relay::decode_server_key(payload(relay::encode_server_key(*key))) == *key);
  }
  if (const auto home = relay::decode_note_preferred(frame.payload)) {
    WARREN_CHECK(relay::decode_note_preferred(payload(relay::encode_note_preferred(*home))) ==
                 *home);
  }
  if (const auto ping = relay::decode_ping(frame.payload)) {
    WARREN_CHECK(relay::decode_ping(payload(encode_ping(relay::FrameType::Pong, *ping))) == *ping);
  }
  if (const auto gone = relay::decode_peer_gone(frame.payload)) {
    WARREN_CHECK(relay::decode_peer_gone(payload(encode_peer_gone(*gone))) == *gone);
  }
  if (const auto restarting = relay::decode_restarting(frame.payload)) {
    WARREN_CHECK(relay::decode_restarting(payload(encode_restarting(*restarting))) == *restarting);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteView stream(data, size);
  while (const auto frame = relay::next_frame(stream)) {
    check(*frame);
    stream = stream.subspan(frame->size());
  }
  return 0;
}
