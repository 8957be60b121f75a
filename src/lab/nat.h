#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/ip_address.h"
#include "base/time.h"
#include "lab/flow.h"

// A NAT as RFC 4787 (UDP), RFC 5382 (TCP) and RFC 5508 (ICMP) describe NATs, as a pure library: the
// simulator and the lab's router translate by the same object (spec: data-plane section 8.3).
namespace warren::lab {

// What an entry depends on: RFC 4787 sections 4.1 (mapping) and 5 (filtering).
enum class Dependence : std::uint8_t { EndpointIndependent, Address, AddressAndPort };

enum class PortChoice : std::uint8_t {
  Preserve,           // the inside port when it is free, else another
  PreserveParity,     // random of the same parity
  SequentialGlobal,   // the next one, whoever asks
  SequentialPerHost,  // the next one of the inside host
  Random,
};

enum class Pooling : std::uint8_t { Paired, Arbitrary };  // RFC 4787 section 4.1

enum class Hairpin : std::uint8_t {
  Off,
  InternalSource,  // the inside target sees the inside source
  ExternalSource,  // RFC 4787 section 6, REQ-9
};

// Which packets keep a mapping alive: RFC 4787 section 4.3.
enum class Refresh : std::uint8_t { Outbound, Inbound, Both };

// A port of the first external address that an inside endpoint always has: what a person sets up as
// port forwarding.
struct PortForward {
  Protocol protocol = Protocol::Tcp;
  std::uint16_t port = 0;
  Endpoint to = {};
};

struct NatConfig {
  std::vector<IpAddress> external;  // at least one; all of one family
  Dependence mapping = Dependence::EndpointIndependent;
  Dependence filtering = Dependence::AddressAndPort;
  PortChoice ports = PortChoice::Preserve;
  Pooling pooling = Pooling::Paired;
  Hairpin hairpin = Hairpin::Off;
  Refresh refresh = Refresh::Both;
  std::uint16_t first_port = 1024;
  std::uint16_t last_port = 65535;
  std::uint16_t ports_per_host = 0;     // a block of its own for each inside address; 0: no blocks
  std::uint32_t sessions_per_host = 0;  // at most; 0: no limit
  std::uint32_t max_sessions = 65536;   // of the whole NAT: when full, new ones are refused
  std::vector<PortForward> forwards = {};  // no two of one port, or to one endpoint
  Duration udp_timeout = 300s;             // RFC 4787 REQ-5
  Duration udp_unreplied_timeout = 30s;
  Duration tcp_timeout = 7440s;  // RFC 5382 REQ-5
  Duration tcp_transitory_timeout = 240s;
  Duration icmp_timeout = 60s;  // RFC 5508 REQ-2
};

enum class NatDrop : std::uint8_t {
  NoMapping,  // from outside to a port that nobody has
  Filtered,   // the mapping is there, but not for this sender
  NoPorts,    // exhausted: of the host's block, or all
  TooManySessions,
  NoHairpin,
  Count,
};

// What becomes of a packet: forwarded with this flow, or dropped.
struct NatVerdict {
  std::optional<Flow> flow;
  bool to_inside = false;  // an outbound packet turned round (hairpin), or an inbound one
  NatDrop reason = NatDrop::NoMapping;  // when there is no flow
};

// One NAT and its table. Sessions that have timed out are forgotten before they are looked at.
class Nat {
 public:
  Nat(NatConfig config, std::uint64_t seed);
  ~Nat();

  const NatConfig& config() const;
  bool is_external(const IpAddress& address) const;

  NatVerdict outbound(const Flow& flow, TcpEvent event, TimePoint now);
  NatVerdict inbound(const Flow& flow, TcpEvent event, TimePoint now);
  // For an ICMP error from outside about a packet that had left with `sent` as its flow: the flow
  // that the inside host had sent. Refreshes nothing (RFC 5508 section 4).
  std::optional<Flow> original_of(const Flow& sent, TimePoint now) const;

  // A reboot: everything is forgotten.
  void forget();
  // The provider gives other public addresses, as many as before or not; mappings are lost.
  void change_external(std::vector<IpAddress> external);

  std::size_t sessions() const;
  std::uint64_t drops(NatDrop reason) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace warren::lab
