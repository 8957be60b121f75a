#include "io/socket_address.h"

#include <cstring>

#include <arpa/inet.h>

namespace warren::io {

IpAddress ip_of(const in_addr& address) {
  std::array<std::uint8_t, 4> bytes{};
  std::memcpy(bytes.data(), &address, bytes.size());
  return IpAddress::v4(bytes);
}

IpAddress ip_of(const in6_addr& address) {
  std::array<std::uint8_t, 16> bytes{};
  std::memcpy(bytes.data(), &address, bytes.size());
  const IpAddress out = IpAddress::v6(bytes);
  return out.unmapped().value_or(out);
}

socklen_t to_socket_address(const Endpoint& endpoint, SocketAddress& out) {
  const auto bytes = endpoint.address.bytes();
  if (endpoint.address.is_v4()) {
    out.v4 = {};
    out.v4.sin_family = AF_INET;
    out.v4.sin_port = htons(endpoint.port);
    std::memcpy(&out.v4.sin_addr, bytes.data(), bytes.size());
    return sizeof out.v4;
  }
  out.v6 = {};
  out.v6.sin6_family = AF_INET6;
  out.v6.sin6_port = htons(endpoint.port);
  out.v6.sin6_scope_id = endpoint.scope;
  std::memcpy(&out.v6.sin6_addr, bytes.data(), bytes.size());
  return sizeof out.v6;
}

std::optional<Endpoint> from_socket_address(ByteView address) {
  sa_family_t family = AF_UNSPEC;
  if (address.size() < sizeof family) return std::nullopt;
  std::memcpy(&family, address.data(), sizeof family);  // sa_family is the first member on Linux
  if (family == AF_INET && address.size() >= sizeof(sockaddr_in)) {
    sockaddr_in in{};
    std::memcpy(&in, address.data(), sizeof in);
    return Endpoint{ip_of(in.sin_addr), ntohs(in.sin_port)};
  }
  if (family == AF_INET6 && address.size() >= sizeof(sockaddr_in6)) {
    sockaddr_in6 in{};
    std::memcpy(&in, address.data(), sizeof in);
    const IpAddress ip = ip_of(in.sin6_addr);
    const std::uint32_t scope = ip.is_v6() && ip.is_link_local() ? in.sin6_scope_id : 0;
    return Endpoint{ip, ntohs(in.sin6_port), scope};
  }
  return std::nullopt;
}

}  // namespace warren::io
