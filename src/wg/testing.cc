#include "wg/testing.h"

#include <algorithm>
#include <utility>

namespace warren::wg {

namespace {

struct Describe {
  std::string operator()(const SendMessage& action) const {
    switch (action.message.view()[0]) {
      case 1:
        return "initiation";
      case 2:
        return "response";
      default:
        return "cookie";
    }
  }

  std::string operator()(const SendKeepalive& /*action*/) const { return "keepalive"; }

  std::string operator()(const FlushStaged& action) const {
    return action.or_keepalive ? "flush or keepalive" : "flush";
  }

  std::string operator()(const DropStaged& /*action*/) const { return "drop staged"; }

  std::string operator()(const HandshakeCompleted& /*action*/) const { return "completed"; }

  std::string operator()(const HandshakeGivenUp& /*action*/) const { return "given up"; }
};

}  // namespace

void ScriptedRandom::fill(MutableByteView out) {
  if (!script_.empty() && script_.front().size() == out.size()) {
    std::ranges::copy(script_.front(), out.begin());
    script_.pop_front();
  } else if (out.size() == sizeof jitter_ms) {
    store_le(out.data(), jitter_ms);
  } else {
    rest_.fill(out);
  }
}

std::string describe(const Action& action) {
  return std::visit(Describe(), action);
}

std::vector<std::string> describe(const Actions& actions) {
  std::vector<std::string> out;
  out.reserve(actions.size());
  for (const Action& action : actions) out.push_back(describe(action));
  return out;
}

std::vector<SendMessage> messages(const Actions& actions) {
  std::vector<SendMessage> out;
  for (const Action& action : actions) {
    if (const auto* const message = std::get_if<SendMessage>(&action)) out.push_back(*message);
  }
  return out;
}

NodePrivateKey node_key(std::uint8_t byte) {
  std::array<std::uint8_t, kKeySize> bytes{};
  bytes.fill(byte);
  return NodePrivateKey(bytes);
}

TestNode::TestNode(std::uint8_t key_byte, const Endpoint& own, PathMode path_mode)
    : random(key_byte), engine(random, wall_clock, path_mode), endpoint(own) {
  Actions none;
  engine.set_private_key(node_key(key_byte), TimePoint(), none);
}

EnginePair::EnginePair(PathMode path_mode)
    : a(1, {IpAddress::v4({192, 0, 2, 1}), 51820}, path_mode),
      b(2, {IpAddress::v4({192, 0, 2, 2}), 51820}, path_mode) {
  b_at_a = a.engine.add_peer(b.engine.public_key()).value();
  a_at_b = b.engine.add_peer(a.engine.public_key()).value();
  if (path_mode == PathMode::Managed) return;
  a.engine.set_endpoint(b_at_a, b.endpoint);
  b.engine.set_endpoint(a_at_b, a.endpoint);
}

Actions EnginePair::deliver(TestNode& to, const SendMessage& message, std::size_t waiting) {
  return deliver_from(to, message, {.remote = other(to).endpoint, .source = std::nullopt}, waiting);
}

Actions EnginePair::deliver_from(TestNode& to,
                                 const SendMessage& message,
                                 const UdpPath& from,
                                 std::size_t waiting) const {
  Actions out;
  to.engine.on_handshake_message(message.message.view(), from, waiting, now, out);
  return out;
}

Actions EnginePair::want_send(TestNode& node) const {
  Actions out;
  node.engine.on_send_wanted(peer_at(node), now, out);
  return out;
}

void EnginePair::sent(TestNode& node, PacketKind kind) const {
  Actions none;
  if (note_sent(data(node), kind, 32, now)) node.engine.on_activity(peer_at(node), now, none);
}

void EnginePair::received(TestNode& node, PacketKind kind) const {
  Actions none;
  if (note_received(data(node), kind, 32, now)) node.engine.on_activity(peer_at(node), now, none);
}

Actions EnginePair::confirm(TestNode& node) const {
  Actions out;
  Keypair* const next = data(node).next.load();
  if (next == nullptr || !next->claim_confirmation()) return out;
  received(node, PacketKind::Keepalive);
  node.engine.on_confirmed(peer_at(node), next->local_index(), now, out);
  return out;
}

void EnginePair::handshake() {
  const auto initiation = messages(want_send(a));
  WARREN_CHECK(initiation.size() == 1);
  const auto response = messages(deliver(b, initiation[0]));
  WARREN_CHECK(response.size() == 1);
  deliver(a, response[0]);
  sent(a, PacketKind::Keepalive);
  confirm(b);
}

Actions EnginePair::run_until(TestNode& node, TimePoint until) {
  Actions out;
  while (node.engine.next_timeout() <= until) {
    const TimePoint at = std::max(now, node.engine.next_timeout());
    const std::int64_t passed = (at - now).count();
    node.wall_clock.time.seconds += passed / 1'000'000'000;
    now = at;
    node.engine.on_timeout(now, out);
  }
  now = until;
  return out;
}

}  // namespace warren::wg
