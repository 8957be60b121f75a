#pragma once

#include <array>
#include <cstdint>

#include "base/time.h"
#include "lab/flow.h"
#include "lab/session_table.h"

namespace warren::lab {

// What passes in neither direction.
enum class Block : std::uint8_t {
  Nothing,
  Udp,
  UdpExceptStun,     // UDP passes to port 3478 outside, and back
  AllButTcpPort443,  // TCP passes to port 443 outside, and back
  AllButWeb,         // TCP passes to ports 80 and 443 outside, and back
};

struct FirewallConfig {
  bool is_stateful = true;  // what comes in must answer what went out
  Block block = Block::Nothing;
  std::uint32_t max_sessions = 65536;  // when full, new ones are refused
  Duration udp_timeout = 120s;         // Linux: nf_conntrack_udp_timeout_stream
  Duration udp_unreplied_timeout = 30s;
  Duration tcp_timeout = 7440s;  // RFC 5382 REQ-5
  Duration tcp_transitory_timeout = 240s;
  Duration icmp_timeout = 30s;
};

enum class FirewallDrop : std::uint8_t { Blocked, NoState, TooManySessions, Count };

// A packet filter for both families. Which address is inside is the caller's to know: it says the
// direction.
class Firewall {
 public:
  explicit Firewall(const FirewallConfig& config);

  const FirewallConfig& config() const { return config_; }

  void set_block(Block block) { config_.block = block; }

  // Whether the packet passes.
  bool outbound(const Flow& flow, TcpEvent event, TimePoint now);
  bool inbound(const Flow& flow, TcpEvent event, TimePoint now);
  // The rule alone, for packets of which a NAT keeps the state. Counts what it refuses.
  bool is_allowed(const Flow& flow, Direction direction);
  // Whether an ICMP error from outside about `sent`, a packet that had left, passes.
  bool knows(const Flow& sent, TimePoint now) const;

  // A reboot.
  void forget() { sessions_.clear(); }

  std::size_t sessions() const { return sessions_.size(); }

  std::uint64_t drops(FirewallDrop reason) const;

 private:
  struct Nothing {};

  bool drop(FirewallDrop reason);

  FirewallConfig config_;
  SessionTable<Nothing> sessions_;  // by flow, outbound
  std::array<std::uint64_t, std::to_underlying(FirewallDrop::Count)> drops_{};
};

}  // namespace warren::lab
