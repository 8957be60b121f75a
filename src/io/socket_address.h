#pragma once

#include <optional>

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "base/ip_address.h"

namespace warren::io {

// An IPv4 or IPv6 socket address, no larger than it must be: the packet path keeps one per message.
struct SocketAddress {
  union {
    sockaddr_in v4;
    sockaddr_in6 v6{};
  };
};

IpAddress ip_of(const in_addr& address);
IpAddress ip_of(const in6_addr& address);  // IPv4 when it is IPv4-mapped

// The length that goes with the address. Scope and port included.
socklen_t to_socket_address(const Endpoint& endpoint, SocketAddress& out);

// None for families other than IP and for lengths that do not hold the family's address. An
// IPv4-mapped address comes out as IPv4; the scope is kept for link-local addresses only.
std::optional<Endpoint> from_socket_address(ByteView address);

}  // namespace warren::io
