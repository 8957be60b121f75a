#pragma once

#include <cstdint>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "base/ip_address.h"
#include "base/result.h"
#include "base/time.h"

namespace warren::io {

struct TcpOptions {
  std::uint32_t mark = 0;  // SO_MARK; 0: none
  std::uint32_t unsent_bytes =
      0;                    // TCP_NOTSENT_LOWAT: beyond it the socket is not writable; 0: none
  Duration user_timeout{};  // TCP_USER_TIMEOUT: sent and not acknowledged for as long; 0: none
};

struct DialedTcp {
  boost::asio::ip::tcp::socket socket;  // non-blocking, without Nagle's delay
  Duration round_trip{};                // of the handshake that succeeded
};

// Connects to the first of the targets that answers: both families race, within a family one after
// the other.
boost::asio::awaitable<Result<DialedTcp>> dial_tcp(std::vector<Endpoint> targets,
                                                   TcpOptions options,
                                                   TimePoint deadline);

// False when it is no address of this machine any more. True when that cannot be told.
bool is_local_address(const Endpoint& address);

// Our end of the connection; none when it has none.
std::optional<Endpoint> local_address(const boost::asio::ip::tcp::socket& socket);

// Waits until the socket is ready for it, at most until the deadline.
boost::asio::awaitable<Result<void>> wait_ready(boost::asio::ip::tcp::socket& socket,
                                                boost::asio::ip::tcp::socket::wait_type what,
                                                TimePoint deadline);

}  // namespace warren::io
