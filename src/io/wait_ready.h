#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "base/time.h"

namespace warren::io {

// Waits until the socket is readable or writable. False at the deadline, or when the socket is
// closed or the task cancelled. The socket outlives the wait.
boost::asio::awaitable<bool> wait_ready(boost::asio::ip::tcp::socket* socket,
                                        boost::asio::ip::tcp::socket::wait_type what,
                                        TimePoint deadline);

}  // namespace warren::io
