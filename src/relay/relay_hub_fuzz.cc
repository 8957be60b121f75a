#include "base/bytes.h"
#include "relay/testing.h"

// Bytes become events of a few clients, some of them hostile. What must hold: no stream breaks,
// packets come from keys that are logged in, and memory stays within the limits.
namespace warren::relay {
namespace {

Limits tight() {
  Limits out;
  out.connections = 12;
  out.connections_per_key = 3;
  out.flows_per_source = 2;
  out.data_queue = 4000;
  out.disco_queue = 1000;
  out.control_queue = 500;
  out.slabs_per_source = 2;
  out.slabs_detached = 2;
  out.slabs = 16;
  return out;
}

class Events {
 public:
  explicit Events(ByteView input) : in_(input) {
    for (auto& key : keys_) key = NodePrivateKey::generate(bench_.random);
  }

  void run() {
    while (in_.remaining() >= 3) {
      const std::uint8_t event = in_.u8();
      const std::uint8_t client = in_.u8();
      const std::uint8_t argument = in_.u8();
      step(event, client, argument);
      WARREN_CHECK(bench_.hub.memory() <= 16 * sizeof(Slab));
      WARREN_CHECK(bench_.hub.connections() <= 12);
      WARREN_CHECK(bench_.hub.peers() <= std::size(keys_));
    }
    for (const ConnectionId id : ids_) bench_.disconnect(id);
    WARREN_CHECK(bench_.hub.connections() == 0 && bench_.hub.peers() == 0);
    WARREN_CHECK(bench_.hub.flows() == 0);
  }

 private:
  const NodePrivateKey& key(std::uint8_t number) const { return keys_[number % std::size(keys_)]; }

  void step(std::uint8_t event, std::uint8_t client, std::uint8_t argument) {
    if (event % 8 == 0) {
      if (const auto id = bench_.hub.on_connected(bench_.now, bench_.actions)) ids_.push_back(*id);
      return;
    }
    if (ids_.empty()) return;
    const ConnectionId id = ids_[client % ids_.size()];
    switch (event % 8) {
      case 1:
        bench_.send(id, bench_.login_frame(key(argument)));
        break;
      case 2:
        bench_.send_packet(id, key(argument).public_key(), Bytes(std::size_t{argument} * 40));
        break;
      case 3:
        bench_.send_packet(id, key(argument).public_key(), fake_disco(argument));
        break;
      case 4:
        bench_.send(id, in_.take(std::min<std::size_t>(argument, in_.remaining())));
        break;
      case 5:
        check(bench_.read(id));
        break;
      case 6:
        bench_.disconnect(id);
        bench_.streams.erase(id);
        ids_.erase(ids_.begin() + static_cast<std::ptrdiff_t>(client % ids_.size()));
        break;
      default:
        bench_.advance(argument * 50ms);
        break;
    }
  }

  static void check(const std::vector<Received>& frames) {
    for (const Received& frame : frames) {
      WARREN_CHECK(frame.type == FrameType::ServerKey || frame.type == FrameType::ServerInfo ||
                   frame.type == FrameType::RecvPacket || frame.type == FrameType::KeepAlive ||
                   frame.type == FrameType::PeerGone || frame.type == FrameType::Pong);
    }
  }

  ByteReader in_;
  HubBench bench_{tight()};
  NodePrivateKey keys_[4];
  std::vector<ConnectionId> ids_;
};

}  // namespace
}  // namespace warren::relay

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  warren::relay::Events(warren::ByteView(data, size)).run();
  return 0;
}
