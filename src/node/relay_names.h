#pragma once

#include <functional>
#include <map>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/log.h"
#include "io/run_blocking.h"
#include "io/spawn.h"
#include "node/os/host_lookup.h"
#include "proto/relay/region.h"

namespace warren::node {

// The addresses of relays that the map knows by name alone, as a server with a name has its own.
// Path discovery asks addresses only. On the control strand.
class RelayNames {
 public:
  // `changed`: fill() gives something else than before. `hosts` outlives it.
  RelayNames(const boost::asio::any_io_executor& executor,
             const HostLookup& hosts,
             Log log,
             std::function<void()> changed);
  RelayNames(const RelayNames&) = delete;
  RelayNames& operator=(const RelayNames&) = delete;

  // The map with what DNS said. False: it was not asked about all names yet; `changed` follows.
  bool fill(relay::Map& map);
  // What DNS said may be wrong by now: the network is another, or a relay is not reached.
  void ask_again();

  boost::asio::awaitable<void> stop();

 private:
  struct Host {
    bool was_asked = false;
    std::string ipv4;  // as in relay::Node
    std::string ipv6;
  };

  boost::asio::awaitable<void> keep_asking();
  // Whether DNS answered.
  boost::asio::awaitable<bool> ask(std::string name);

  const HostLookup& lookup_;
  Log log_;
  std::function<void()> changed_;
  std::map<std::string, Host> hosts_;
  bool is_due_ = false;
  bool is_news_ = false;
  bool is_stopping_ = false;
  boost::asio::steady_timer timer_;
  io::BlockingPool lookups_;
  io::Tasks tasks_;
};

}  // namespace warren::node
