#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <unordered_map>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/ip_address.h"
#include "base/log.h"
#include "base/random.h"
#include "base/result.h"
#include "io/byte_stream.h"
#include "io/http_routes.h"
#include "io/prefix_limiter.h"
#include "io/spawn.h"
#include "io/tls_server.h"

namespace warren::io {

// How many strangers are served at once, and for how long (demand R11: a wave of logins must not
// exhaust the server; hostile ones must not keep out members).
struct ListenerOptions {
  Duration tls_timeout = 10s;   // for the handshake
  Duration http_timeout = 10s;  // for a request's head, also of a further one
  std::size_t requests = 32;    // on one connection
  // Connections before their upgrade. When there are as many, the oldest gives way as soon as it
  // has had its time; until then others wait in the kernel's queue, which holds a wave of members.
  std::size_t pending = 1024;
  Duration pending_time = 4s;  // twice what 1,024 handshakes in turn need
  std::size_t pending_per_prefix = 128;
  // Handshakes: a quarter of a millisecond of work each, so an eighth of a core at most.
  Duration handshake_interval = 2ms;
  std::size_t handshake_burst = 500;
  Duration prefix_interval = 10ms;  // connections of one prefix
  std::size_t prefix_burst = 500;
};

struct ListenerCounters {
  std::uint64_t accepted = 0;
  std::uint64_t refused_prefix = 0;   // too many of one prefix, or too fast
  std::uint64_t evicted = 0;          // the oldest of too many that are pending
  std::uint64_t refused_waiting = 0;  // no turn for the handshake in time
  std::uint64_t failed_handshakes = 0;
  std::uint64_t challenges = 0;    // of a certificate authority, answered by the handshake
  std::uint64_t bad_requests = 0;  // no HTTP, or not in time
  std::uint64_t pages = 0;

  ListenerCounters& operator+=(const ListenerCounters& other) {
    accepted += other.accepted;
    refused_prefix += other.refused_prefix;
    evicted += other.evicted;
    refused_waiting += other.refused_waiting;
    failed_handshakes += other.failed_handshakes;
    challenges += other.challenges;
    bad_requests += other.bad_requests;
    pages += other.pages;
    return *this;
  }
};

enum class ListenerKind : std::uint8_t {
  Tls,    // everything
  Plain,  // everything, without TLS: tests, or behind a proxy
  Pages,  // port 80, without TLS: all but what is for TLS only
};

// Accepts connections, performs the TLS handshake, reads the HTTP requests and answers each with
// the page of its path, or hands the connection over to the path's taker. Bodies are not read: a
// request with one is the last of its connection. Lives on one strand.
class Listener {
 public:
  // `tls` may be null for the other kinds; it, `random` and what the handlers refer to outlive the
  // tasks. Port 0: any.
  static Result<std::unique_ptr<Listener>> listen(const boost::asio::any_io_executor& executor,
                                                  const Endpoint& endpoint,
                                                  ListenerKind kind,
                                                  const TlsServerContext* tls,
                                                  const ListenerOptions& options,
                                                  std::shared_ptr<const HttpRoutes> routes,
                                                  Random& random,
                                                  const Log& log);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();

  const Endpoint& endpoint() const { return endpoint_; }

  const ListenerCounters& counters() const { return counters_; }

  std::size_t pending() const { return pending_.size(); }

  // Accepts no more; those that are served stay.
  void stop_accepting();
  // Ends all tasks, also those of the handlers, and waits for that.
  boost::asio::awaitable<void> stop();

 private:
  // A connection that has not asked for its upgrade yet.
  struct Pending {
    int fd = -1;
    IpAddress prefix;
    TimePoint since;
  };

  class PendingSlot;

  Listener(boost::asio::ip::tcp::acceptor acceptor,
           const Endpoint& endpoint,
           ListenerKind kind,
           const TlsServerContext* tls,
           const ListenerOptions& options,
           std::shared_ptr<const HttpRoutes> routes,
           Random& random,
           const Log& log);

  boost::asio::awaitable<void> accept_connections();
  boost::asio::awaitable<void> wait_for_room();
  boost::asio::awaitable<void> serve(boost::asio::ip::tcp::socket socket, Endpoint source);
  boost::asio::awaitable<std::unique_ptr<ByteStream>> open(boost::asio::ip::tcp::socket socket);
  boost::asio::awaitable<bool> answer(ByteStream* stream, std::string response);
  bool admit(const IpAddress& source);

  boost::asio::ip::tcp::acceptor acceptor_;
  Endpoint endpoint_;
  ListenerKind kind_;
  const TlsServerContext* tls_;
  ListenerOptions options_;
  std::shared_ptr<const HttpRoutes> routes_;
  ListenerCounters counters_;
  PrefixLimiter prefixes_;
  TokenBucket handshakes_;
  std::list<Pending> pending_;      // by age
  boost::asio::steady_timer room_;  // somebody waits until one of them is gone or old
  std::unordered_map<IpAddress, std::size_t> pending_of_prefix_;
  Tasks tasks_;
};

}  // namespace warren::io
