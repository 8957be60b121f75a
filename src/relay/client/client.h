#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include <boost/asio/any_io_executor.hpp>

#include "base/log.h"
#include "base/random.h"
#include "base/result.h"
#include "crypto/keys.h"
#include "io/relay_port.h"
#include "relay/client/loop.h"

namespace warren::relay::client {

struct Options {
  std::uint32_t mark = 0;  // SO_MARK of its connections; 0: none
  // Why a region cannot be reached, once for each cause. Called on the control strand.
  std::function<void(RegionId region, const Error& error)> on_failure;
};

struct ClientCounters {
  Counters engine;
  LoopCounters loop;
  std::uint64_t calls_full = 0;  // messages and checks beyond what the thread may be behind
};

// A node's relay client: connections to the regions it needs, on a thread of its own, so that
// packets between rings and relays never wait for the control strand.
//
// Everything here is called on the control strand (the executor given at start), which is also
// where the listener is called.
class Client : public io::RelayPort {
 public:
  // `random`, which is thread-safe, outlives the client.
  static Result<std::unique_ptr<Client>> start(const boost::asio::any_io_executor& control,
                                               NodePrivateKey key,
                                               Options options,
                                               Random& random,
                                               const Log& log);

  // Called back on the control strand.
  virtual void read_counters(std::function<void(const ClientCounters&)> on_counters) = 0;
};

}  // namespace warren::relay::client
