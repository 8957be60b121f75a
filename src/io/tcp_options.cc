#include "io/tcp_options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace warren::io {

namespace {

constexpr int kNotSentLowWater = 64 << 10;  // data-plane section 6: 32 to 64 KiB
constexpr unsigned kUserTimeout = 15000;    // milliseconds; paths section 2.5
constexpr int kKeepAliveIdle = 600;         // seconds; paths section 2.5

constexpr int kControlNotSentLowWater = 128 << 10;  // server section 1.6
constexpr unsigned kControlUserTimeout = 20000;     // milliseconds; server section 1.6
// Seconds; a little more than the 59 at which a map stream says that it is alive (server section
// 1.6), so that only connections without one send this.
constexpr int kControlKeepAliveIdle = 65;

struct Options {
  int not_sent_low_water;
  unsigned user_timeout;
  int keep_alive_idle;
};

void set_options(boost::asio::ip::tcp::socket& socket, const Options& options) {
  const int fd = socket.native_handle();
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &options.not_sent_low_water,
             sizeof options.not_sent_low_water);
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &options.user_timeout, sizeof options.user_timeout);
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &options.keep_alive_idle,
             sizeof options.keep_alive_idle);
}

}  // namespace

void set_relay_options(boost::asio::ip::tcp::socket& socket) {
  set_options(socket, {.not_sent_low_water = kNotSentLowWater,
                       .user_timeout = kUserTimeout,
                       .keep_alive_idle = kKeepAliveIdle});
}

void set_control_options(boost::asio::ip::tcp::socket& socket) {
  set_options(socket, {.not_sent_low_water = kControlNotSentLowWater,
                       .user_timeout = kControlUserTimeout,
                       .keep_alive_idle = kControlKeepAliveIdle});
}

}  // namespace warren::io
