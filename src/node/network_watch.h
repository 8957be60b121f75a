#pragma once

#include <functional>
#include <memory>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "base/ip_address.h"
#include "base/log.h"
#include "base/result.h"
#include "io/network_monitor.h"
#include "io/spawn.h"

namespace warren::node {

// Tells that this machine's way into the world is another one: connections may be dead, or possible
// again. On one strand.
class NetworkWatch {
 public:
  struct Observer {
    std::function<void()> changed;
    // Our own device's, which is none of the network's ways.
    std::function<bool(const IpAddress&)> is_own;
  };

  static Result<std::unique_ptr<NetworkWatch>> start(const boost::asio::any_io_executor& executor,
                                                     std::uint32_t mark,
                                                     Log log,
                                                     Observer observer);
  NetworkWatch(const NetworkWatch&) = delete;
  NetworkWatch& operator=(const NetworkWatch&) = delete;

  boost::asio::awaitable<void> stop();

 private:
  NetworkWatch(const boost::asio::any_io_executor& executor,
               io::NetworkMonitor monitor,
               Log log,
               Observer observer);

  boost::asio::awaitable<void> follow();

  Observer observer_;
  io::NetworkMonitor monitor_;
  boost::asio::posix::stream_descriptor news_;
  io::NetworkState state_;
  io::Tasks tasks_;
};

}  // namespace warren::node
