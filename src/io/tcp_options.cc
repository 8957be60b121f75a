#include "io/tcp_options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace warren::io {

namespace {

constexpr int kNotSentLowWater = 64 << 10;  // data-plane section 6: 32 to 64 KiB
constexpr unsigned kUserTimeout = 15000;    // milliseconds; paths section 2.5
constexpr int kKeepAliveIdle = 600;         // seconds; paths section 2.5

}  // namespace

void set_relay_options(boost::asio::ip::tcp::socket& socket) {
  const int fd = socket.native_handle();
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kNotSentLowWater, sizeof kNotSentLowWater);
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &kUserTimeout, sizeof kUserTimeout);
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &kKeepAliveIdle, sizeof kKeepAliveIdle);
}

}  // namespace warren::io
