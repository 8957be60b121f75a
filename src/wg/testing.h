#pragma once

#include <deque>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "wg/engine.h"

// What the engine's tests share: two engines driven by hand, with scripted randomness and clocks.
namespace warren::wg {

// Seeded, but for the next values, which a test may prescribe, and for the jitter of timers.
class ScriptedRandom final : public Random {
 public:
  explicit ScriptedRandom(std::uint64_t seed) : rest_(seed) {}

  void fill(MutableByteView out) override;

  // The next request for this many bytes gets them.
  void prescribe(std::vector<std::uint8_t> bytes) { script_.push_back(std::move(bytes)); }

  std::int64_t jitter_ms = 0;  // below() draws 8 bytes, and nothing else in the engine does

 private:
  SeededRandom rest_;
  std::deque<std::vector<std::uint8_t>> script_;
};

class ManualWallClock final : public WallClock {
 public:
  WallTime now() const override { return time; }

  WallTime time{.seconds = 1'700'000'000};
};

// "initiation", "response", "cookie", "keepalive", "flush", "flush or keepalive", "drop staged",
// "completed", "given up".
std::string describe(const Action& action);
std::vector<std::string> describe(const Actions& actions);

// The messages among the actions.
std::vector<SendMessage> messages(const Actions& actions);

NodePrivateKey node_key(std::uint8_t byte);  // 32 equal bytes

// One engine and its side of the world.
struct TestNode {
  TestNode(std::uint8_t key_byte, const Endpoint& own, PathMode path_mode);

  ScriptedRandom random;
  ManualWallClock wall_clock;
  Engine engine;
  Endpoint endpoint;
};

// Two engines that know each other. `a` is the one that initiates in the helpers.
class EnginePair {
 public:
  explicit EnginePair(PathMode path_mode = PathMode::Roaming);

  // The datagram arrives; what the receiver does.
  Actions deliver(TestNode& to, const SendMessage& message, std::size_t waiting = 0);
  Actions deliver_from(TestNode& to,
                       const SendMessage& message,
                       const UdpPath& from,
                       std::size_t waiting = 0) const;

  // What the data path tells.
  Actions want_send(TestNode& node) const;
  void sent(TestNode& node, PacketKind kind) const;
  void received(TestNode& node, PacketKind kind) const;
  Actions confirm(TestNode& node) const;  // a packet under the node's next keypair

  // a wants to send; messages cross without delay; b has seen a packet.
  void handshake();

  // All timers up to `until`, at their times.
  Actions run_until(TestNode& node, TimePoint until);

  Actions run_for(TestNode& node, Duration time) { return run_until(node, now + time); }

  TestNode& other(const TestNode& node) { return &node == &a ? b : a; }

  PeerId peer_at(const TestNode& node) const { return &node == &a ? b_at_a : a_at_b; }

  DataPeer& data(const TestNode& node) const { return node.engine.data_peer(peer_at(node)); }

  TimePoint now = TimePoint(1000s);
  TestNode a;
  TestNode b;
  PeerId b_at_a;
  PeerId a_at_b;
};

}  // namespace warren::wg
