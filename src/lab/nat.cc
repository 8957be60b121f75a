#include "lab/nat.h"

#include <algorithm>
#include <array>
#include <expected>
#include <unordered_map>
#include <utility>

#include "base/random.h"
#include "base/result.h"
#include "lab/connection.h"
#include "lab/nat_ports.h"
#include "lab/session_table.h"

namespace warren::lab {

namespace {

Timeouts timeouts_of(const NatConfig& config) {
  Timeouts out{};
  out[std::to_underlying(Timer::UdpUnreplied)] = config.udp_unreplied_timeout;
  out[std::to_underlying(Timer::Udp)] = config.udp_timeout;
  out[std::to_underlying(Timer::TcpTransitory)] = config.tcp_transitory_timeout;
  out[std::to_underlying(Timer::Tcp)] = config.tcp_timeout;
  out[std::to_underlying(Timer::Icmp)] = config.icmp_timeout;
  return out;
}

// What of a remote endpoint an entry depends on.
Endpoint reduced(const Endpoint& remote, Dependence dependence) {
  switch (dependence) {
    case Dependence::EndpointIndependent:
      return {};
    case Dependence::Address:
      return {.address = remote.address};
    case Dependence::AddressAndPort:
      return remote;
  }
  std::unreachable();
}

// An ICMP echo's "port" is the identifier, which is ours and not the other side's.
Endpoint remote_of(Protocol protocol, const Endpoint& remote) {
  return protocol == Protocol::Icmp ? Endpoint{.address = remote.address} : remote;
}

Flow with_source(const Flow& flow, const Endpoint& source) {
  Flow out{.protocol = flow.protocol, .source = source, .destination = flow.destination};
  if (flow.protocol == Protocol::Icmp) out.destination.port = source.port;
  return out;
}

Flow with_destination(const Flow& flow, const Endpoint& destination) {
  Flow out{.protocol = flow.protocol, .source = flow.source, .destination = destination};
  if (flow.protocol == Protocol::Icmp) out.source.port = destination.port;
  return out;
}

NatConfig checked(NatConfig config) {
  WARREN_CHECK(!config.external.empty());
  WARREN_CHECK(std::ranges::all_of(config.external, [&](const IpAddress& address) {
    return address.is_v4() == config.external.front().is_v4();
  }));
  WARREN_CHECK(0 < config.first_port && config.first_port <= config.last_port);
  return config;
}

}  // namespace

// A mapping joins an inside endpoint to an external one; with mapping behaviours other than
// endpoint-independent, towards one remote address or endpoint only. Below each mapping are its
// sessions, one for each remote endpoint: they time out, they are what filtering asks for, and the
// mapping goes with the last of them. A host is an inside address, and goes with its last mapping.
struct Nat::State {
  struct Host {
    NatPorts::Host ports;
    std::uint32_t mappings = 0;
    std::uint32_t sessions = 0;
  };

  struct Mapping {
    Flow key;  // from the inside endpoint to what the mapping depends on
    Endpoint external;
    Host* host = nullptr;
    std::uint32_t sessions = 0;
    bool is_forward = false;  // stays for ever, and lets everybody in
  };

  // A session's key is its flow as seen outside, outbound.
  using Sessions = SessionTable<Mapping*>;

  State(NatConfig wanted, std::uint64_t seed)
      : config(checked(std::move(wanted))),
        random(seed),
        ports(config, random),
        sessions(timeouts_of(config)) {
    add_forwards();
  }

  void forget() {
    sessions.clear();
    permitted.clear();
    outside.clear();
    inside.clear();
    hosts.clear();
    ports.reset();
    add_forwards();
  }

  NatVerdict drop(NatDrop reason) {
    ++drops[std::to_underlying(reason)];
    return {.flow = std::nullopt, .reason = reason};
  }

  bool refreshes(Protocol protocol, Direction direction) const {
    if (protocol != Protocol::Udp || config.refresh == Refresh::Both) return true;
    return (config.refresh == Refresh::Outbound) == (direction == Direction::Outbound);
  }

  bool has_room(const Host* host) const {
    if (sessions.size() >= config.max_sessions) return false;
    return host == nullptr || config.sessions_per_host == 0 ||
           host->sessions < config.sessions_per_host;
  }

  void expire(TimePoint now) {
    sessions.expire(now, [this](const Sessions::Session& session) { remove(session); });
  }

  std::expected<Endpoint, NatDrop> map(const Flow& flow, TcpEvent event, TimePoint now);
  void add_forwards();
  Mapping* find_mapping(const Flow& key);
  Mapping* add_mapping(const Flow& key);
  NatVerdict receive(const Flow& flow, TcpEvent event, TimePoint now);
  void add_session(
      Mapping& mapping, const Flow& key, Direction direction, TcpEvent event, TimePoint now);
  void remove(const Sessions::Session& session);

  static Flow outside_key(Protocol protocol, const Endpoint& external) {
    return {.protocol = protocol, .source = external, .destination = {}};
  }

  // Under which senders from a remote address are counted.
  static Flow permission_key(const Flow& session) {
    return {.protocol = session.protocol,
            .source = session.source,
            .destination = {.address = session.destination.address}};
  }

  NatConfig config;
  SeededRandom random;
  NatPorts ports;
  Sessions sessions;
  // All of these are bounded by the sessions.
  std::unordered_map<IpAddress, Host> hosts;
  std::unordered_map<Flow, Mapping> inside;           // by Mapping::key
  std::unordered_map<Flow, Mapping*> outside;         // by outside_key
  std::unordered_map<Flow, std::uint32_t> permitted;  // sessions by permission_key
  std::array<std::uint64_t, std::to_underlying(NatDrop::Count)> drops{};
};

// The external endpoint that an outbound packet leaves from.
std::expected<Endpoint, NatDrop> Nat::State::map(const Flow& flow, TcpEvent event, TimePoint now) {
  const Endpoint remote = remote_of(flow.protocol, flow.destination);
  const Flow key{.protocol = flow.protocol,
                 .source = flow.source,
                 .destination = reduced(remote, config.mapping)};
  Mapping* mapping = find_mapping(key);
  if (mapping != nullptr) {
    const Flow session{
        .protocol = flow.protocol, .source = mapping->external, .destination = remote};
    if (auto* const known = sessions.find(session); known != nullptr) {
      sessions.on_packet(*known, Direction::Outbound, event,
                         refreshes(flow.protocol, Direction::Outbound), now);
      return mapping->external;
    }
  }

  // A connection of which the NAT knows nothing goes on, as after a reboot: only its end does not.
  if (event == TcpEvent::Reset) return std::unexpected(NatDrop::NoMapping);
  const auto host = hosts.find(flow.source.address);
  if (!has_room(host == hosts.end() ? nullptr : &host->second)) {
    return std::unexpected(NatDrop::TooManySessions);
  }
  if (mapping == nullptr) mapping = add_mapping(key);
  if (mapping == nullptr) return std::unexpected(NatDrop::NoPorts);
  add_session(*mapping,
              {.protocol = flow.protocol, .source = mapping->external, .destination = remote},
              Direction::Outbound, event, now);
  return mapping->external;
}

// Each holds its host, and counts one session more than it has, so neither goes.
void Nat::State::add_forwards() {
  for (const PortForward& forward : config.forwards) {
    const Flow key{.protocol = forward.protocol, .source = forward.to, .destination = {}};
    const Endpoint external{.address = config.external.front(), .port = forward.port};
    Host& host = hosts[forward.to.address];
    const Mapping mapping{
        .key = key, .external = external, .host = &host, .sessions = 1, .is_forward = true};
    const auto [at, is_new] = inside.emplace(key, mapping);
    WARREN_CHECK(is_new);
    WARREN_CHECK(outside.emplace(outside_key(forward.protocol, external), &at->second).second);
    ++host.mappings;
    ports.reserve(forward.protocol, external);
  }
}

Nat::State::Mapping* Nat::State::find_mapping(const Flow& key) {
  if (const auto found = inside.find(key); found != inside.end()) return &found->second;
  if (config.forwards.empty()) return nullptr;
  // What a forwarded port answers leaves from that port, whatever mappings depend on.
  const auto found =
      inside.find({.protocol = key.protocol, .source = key.source, .destination = {}});
  return found != inside.end() && found->second.is_forward ? &found->second : nullptr;
}

Nat::State::Mapping* Nat::State::add_mapping(const Flow& key) {
  Host& host = hosts[key.source.address];
  const auto external = ports.allocate(key.protocol, key.source.port, host.ports);
  if (!external) {
    if (host.mappings == 0) {
      ports.release_host(host.ports);
      hosts.erase(key.source.address);
    }
    return nullptr;
  }
  ++host.mappings;
  Mapping& mapping =
      inside.emplace(key, Mapping{.key = key, .external = *external, .host = &host}).first->second;
  outside.emplace(outside_key(key.protocol, *external), &mapping);
  return &mapping;
}

void Nat::State::add_session(
    Mapping& mapping, const Flow& key, Direction direction, TcpEvent event, TimePoint now) {
  sessions.insert(key, &mapping, direction, event, now);
  ++mapping.sessions;
  ++mapping.host->sessions;
  if (config.filtering == Dependence::Address) ++permitted[permission_key(key)];
}

void Nat::State::remove(const Sessions::Session& session) {
  if (config.filtering == Dependence::Address) {
    const auto permission = permitted.find(permission_key(session.key));
    if (--permission->second == 0) permitted.erase(permission);
  }
  Mapping& mapping = *session.extra;
  Host& host = *mapping.host;
  --host.sessions;
  if (--mapping.sessions > 0) return;

  const Flow key = mapping.key;
  ports.release(key.protocol, mapping.external);
  outside.erase(outside_key(key.protocol, mapping.external));
  inside.erase(key);
  if (--host.mappings > 0) return;
  ports.release_host(host.ports);
  hosts.erase(key.source.address);
}

// A packet to an external address, from outside or turned round.
NatVerdict Nat::State::receive(const Flow& flow, TcpEvent event, TimePoint now) {
  const auto found = outside.find(outside_key(flow.protocol, flow.destination));
  if (found == outside.end()) return drop(NatDrop::NoMapping);
  Mapping& mapping = *found->second;
  const Flow session{.protocol = flow.protocol,
                     .source = flow.destination,
                     .destination = remote_of(flow.protocol, flow.source)};
  auto* const known = sessions.find(session);
  const bool is_permitted =
      known != nullptr || mapping.is_forward ||
      config.filtering == Dependence::EndpointIndependent ||
      (config.filtering == Dependence::Address && permitted.contains(permission_key(session)));
  if (!is_permitted) return drop(NatDrop::Filtered);

  const bool refreshes_it = refreshes(flow.protocol, Direction::Inbound);
  if (known != nullptr) {
    sessions.on_packet(*known, Direction::Inbound, event, refreshes_it, now);
  } else if (refreshes_it && event != TcpEvent::Reset && has_room(mapping.host)) {
    // Where inbound packets refresh a mapping, those of new senders do as well.
    add_session(mapping, session, Direction::Inbound, event, now);
  }
  return {.flow = with_destination(flow, mapping.key.source), .to_inside = true};
}

Nat::Nat(NatConfig config, std::uint64_t seed)
    : state_(std::make_unique<State>(std::move(config), seed)) {}

Nat::~Nat() = default;

const NatConfig& Nat::config() const {
  return state_->config;
}

bool Nat::is_external(const IpAddress& address) const {
  return std::ranges::find(state_->config.external, address) != state_->config.external.end();
}

NatVerdict Nat::outbound(const Flow& flow, TcpEvent event, TimePoint now) {
  state_->expire(now);
  const bool turns_round = is_external(flow.destination.address);
  // An echo request to an external address is for the NAT itself.
  if (turns_round && (state_->config.hairpin == Hairpin::Off || flow.protocol == Protocol::Icmp)) {
    return state_->drop(NatDrop::NoHairpin);
  }
  const auto external = state_->map(flow, event, now);
  if (!external) return state_->drop(external.error());
  const Flow sent = with_source(flow, *external);
  if (!turns_round) return {.flow = sent};

  NatVerdict verdict = state_->receive(sent, event, now);
  if (verdict.flow && state_->config.hairpin == Hairpin::InternalSource) {
    verdict.flow->source = flow.source;
  }
  return verdict;
}

NatVerdict Nat::inbound(const Flow& flow, TcpEvent event, TimePoint now) {
  state_->expire(now);
  return state_->receive(flow, event, now);
}

std::optional<Flow> Nat::original_of(const Flow& sent, TimePoint now) const {
  const auto* const session =
      state_->sessions.find({.protocol = sent.protocol,
                             .source = sent.source,
                             .destination = remote_of(sent.protocol, sent.destination)});
  if (session == nullptr || session->expires <= now) return std::nullopt;
  return with_source(sent, session->extra->key.source);
}

void Nat::forget() {
  state_->forget();
}

void Nat::change_external(std::vector<IpAddress> external) {
  NatConfig config = state_->config;
  config.external = std::move(external);
  state_->config = checked(std::move(config));
  state_->forget();
}

std::size_t Nat::sessions() const {
  return state_->sessions.size();
}

std::uint64_t Nat::drops(NatDrop reason) const {
  return state_->drops[std::to_underlying(reason)];
}

}  // namespace warren::lab
