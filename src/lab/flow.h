#pragma once

#include <cstdint>
#include <functional>

#include "base/ip_address.h"

// What NAT and firewall look at in a packet.
namespace warren::lab {

enum class Protocol : std::uint8_t { Udp, Tcp, Icmp };

// Source and destination of a packet. An ICMP echo has its identifier as both ports.
struct Flow {
  Protocol protocol = Protocol::Udp;
  Endpoint source;
  Endpoint destination;

  bool operator==(const Flow&) const = default;
};

enum class TcpEvent : std::uint8_t { None, Open, Close, Reset };  // SYN, FIN, RST

}  // namespace warren::lab

template <>
struct std::hash<warren::lab::Flow> {
  std::size_t operator()(const warren::lab::Flow& flow) const noexcept;
};
