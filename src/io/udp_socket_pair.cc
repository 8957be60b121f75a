#include "io/udp_socket_pair.h"

namespace warren::io {

namespace {

// Each try fails only when another socket has the same port in the other family alone.
constexpr int kTries = 16;

// A kernel without IPv6 has no such family; with ipv6.disable=1 there is the family but no `::`.
bool means_no_ipv6(const Error& error) {
  return error.code == Errc::Unsupported || error.code == Errc::NotFound;
}

}  // namespace

Result<UdpSocketPair> bind_udp_pair(const UdpSocketOptions& options) {
  for (int tries = 1;; ++tries) {
    UdpSocketPair out;
    WARREN_TRY(out.v4, UdpSocket::bind(AddressFamily::V4, options));
    out.port = out.v4->facts().port;

    UdpSocketOptions same_port = options;
    same_port.port = out.port;
    auto v6 = UdpSocket::bind(AddressFamily::V6, same_port);
    if (v6) {
      out.v6 = std::move(*v6);
      return out;
    }
    if (means_no_ipv6(v6.error())) {
      out.note = "this host has no IPv6: " + v6.error().detail;
      return out;
    }
    const bool taken = v6.error().code == Errc::AlreadyExists;
    if (options.port != 0 || !taken || tries == kTries) return unexpected(std::move(v6).error());
  }
}

}  // namespace warren::io
