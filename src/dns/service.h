#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/log.h"
#include "base/random.h"
#include "base/time.h"
#include "dns/core/resolver.h"
#include "dns/sockets.h"

namespace warren::dns {

struct ServiceOptions {
  ResolverLimits limits;
  std::uint32_t mark = 0;            // SO_MARK of what asks upstreams outside the overlay; 0: none
  std::size_t tcp_connections = 64;  // beyond: the one that was idle longest gives way
  std::size_t tcp_pipelined = 64;    // queries of one connection that wait for answers; then it is
                                     // not read
  Duration tcp_idle = 45s;           // spec: node-features section 4.1
};

struct ServiceCounters {
  std::uint64_t tcp_accepted = 0;
  std::uint64_t tcp_evicted = 0;  // ServiceOptions::tcp_connections
  std::uint64_t tcp_idle_closed = 0;
  std::uint64_t tcp_refused = 0;          // a request longer than 4096 bytes, or none
  std::uint64_t tcp_slow_readers = 0;     // closed: they did not take their answers
  std::uint64_t unsent_replies = 0;       // a UDP socket did not take it
  std::uint64_t upstream_errors = 0;      // could not be asked at all, or refused the connection
  std::uint64_t upstream_mismatched = 0;  // from elsewhere, or with another id
};

// The resolver on its sockets. Lives on one strand, as everything that calls it. It serves from the
// start; before the first set_config() it knows nothing and answers SERVFAIL.
class Service {
 public:
  // `random` outlives the service. It gives ids: SystemRandom, but for tests.
  Service(const boost::asio::any_io_executor& executor,
          Sockets sockets,
          const ServiceOptions& options,
          Random& random,
          Log log);
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  ~Service();

  // Replaces zone and routes whole; queries that run go on with the former ones. An upstream that
  // is one of our own sockets is left out: it would ask itself.
  void set_config(ResolverConfig config);

  // Names and addresses of the nodes: changed one by one, in force at once.
  HostTable& hosts();

  const ResolverCounters& resolver_counters() const;
  const ServiceCounters& counters() const;
  std::size_t pending() const;      // queries that wait for upstreams
  std::size_t connections() const;  // TCP, of clients

  // Ends all tasks and waits for that.
  boost::asio::awaitable<void> stop();

 private:
  struct State;

  std::shared_ptr<State> state_;
};

}  // namespace warren::dns
