#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/log.h"
#include "base/random.h"
#include "dns/core/resolver.h"
#include "dns/sockets.h"
#include "dns/tcp_clients.h"
#include "dns/upstreams.h"

namespace warren::dns {

struct ServiceOptions {
  ResolverLimits limits = {};
  TcpClientLimits tcp = {};
  std::uint32_t mark = 0;  // SO_MARK of what asks upstreams outside the overlay; 0: none
};

// The resolver on its sockets. Lives on one strand, as everything that calls it. It serves from the
// start; before the first set_config() it knows no names and answers SERVFAIL.
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

  // Replaces zone and routes whole; queries that wait for upstreams go on with the former ones. An
  // upstream that is one of our own sockets is left out: it would ask itself.
  void set_config(ResolverConfig config);

  // Names and addresses of the nodes: changed one by one, in force at once. They stay when the
  // configuration is replaced.
  HostTable& hosts();

  const ResolverCounters& resolver_counters() const;
  const UpstreamCounters& upstream_counters() const;
  const TcpClientCounters& tcp_counters() const;
  std::uint64_t unsent_replies() const;  // a UDP socket did not take them
  std::size_t pending() const;           // queries that wait for upstreams
  std::size_t connections() const;       // of clients over TCP

  // Closes the sockets, ends all tasks and waits for that. To be done before it is destroyed, or
  // else the executor's loop must not run any more.
  boost::asio::awaitable<void> stop();

 private:
  struct State;

  std::unique_ptr<State> state_;
};

}  // namespace warren::dns
