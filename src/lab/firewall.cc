#include "lab/firewall.h"

namespace warren::lab {

namespace {

constexpr std::uint16_t kStunPort = 3478;  // RFC 8489 section 8.1
constexpr std::uint16_t kHttpPort = 80;
constexpr std::uint16_t kHttpsPort = 443;

Timeouts timeouts_of(const FirewallConfig& config) {
  Timeouts out{};
  out[std::to_underlying(Timer::UdpUnreplied)] = config.udp_unreplied_timeout;
  out[std::to_underlying(Timer::Udp)] = config.udp_timeout;
  out[std::to_underlying(Timer::TcpTransitory)] = config.tcp_transitory_timeout;
  out[std::to_underlying(Timer::Tcp)] = config.tcp_timeout;
  out[std::to_underlying(Timer::Icmp)] = config.icmp_timeout;
  return out;
}

bool is_blocked(Block block, Protocol protocol, std::uint16_t outside_port) {
  switch (block) {
    case Block::Nothing:
      return false;
    case Block::Udp:
      return protocol == Protocol::Udp;
    case Block::UdpExceptStun:
      return protocol == Protocol::Udp && outside_port != kStunPort;
    case Block::AllButTcpPort443:
      return protocol != Protocol::Tcp || outside_port != kHttpsPort;
    case Block::AllButWeb:
      return protocol != Protocol::Tcp || (outside_port != kHttpPort && outside_port != kHttpsPort);
  }
  std::unreachable();
}

}  // namespace

Firewall::Firewall(const FirewallConfig& config)
    : config_(config), sessions_(timeouts_of(config)) {}

bool Firewall::is_allowed(const Flow& flow, Direction direction) {
  const Endpoint& outside = direction == Direction::Outbound ? flow.destination : flow.source;
  return !is_blocked(config_.block, flow.protocol, outside.port) || drop(FirewallDrop::Blocked);
}

bool Firewall::outbound(const Flow& flow, TcpEvent event, TimePoint now) {
  if (!is_allowed(flow, Direction::Outbound)) return false;
  if (!config_.is_stateful) return true;
  sessions_.expire(now, [](const auto&) {});
  if (auto* const session = sessions_.find(flow); session != nullptr) {
    sessions_.on_packet(*session, Direction::Outbound, event, true, now);
    return true;
  }
  if (event == TcpEvent::Reset) return true;  // the end of what is not known: nothing will answer
  if (sessions_.size() >= config_.max_sessions) return drop(FirewallDrop::TooManySessions);
  sessions_.insert(flow, {}, Direction::Outbound, event, now);
  return true;
}

bool Firewall::inbound(const Flow& flow, TcpEvent event, TimePoint now) {
  if (!is_allowed(flow, Direction::Inbound)) return false;
  if (!config_.is_stateful) return true;
  sessions_.expire(now, [](const auto&) {});
  auto* const session = sessions_.find(
      {.protocol = flow.protocol, .source = flow.destination, .destination = flow.source});
  if (session == nullptr) return drop(FirewallDrop::NoState);
  sessions_.on_packet(*session, Direction::Inbound, event, true, now);
  return true;
}

bool Firewall::knows(const Flow& sent, TimePoint now) const {
  if (!config_.is_stateful) return true;
  const auto* const session = sessions_.find(sent);
  return session != nullptr && now < session->expires;
}

std::uint64_t Firewall::drops(FirewallDrop reason) const {
  return drops_[std::to_underlying(reason)];
}

bool Firewall::drop(FirewallDrop reason) {
  ++drops_[std::to_underlying(reason)];
  return false;
}

}  // namespace warren::lab
