#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "base/bytes.h"
#include "base/ip_address.h"
#include "base/time.h"
#include "io/file_descriptor.h"
#include "io/spawn.h"

namespace warren::dns {

struct TcpClientLimits {
  std::size_t connections = 64;  // beyond: the one that was idle longest gives way
  Duration idle = 45s;           // spec: node-features section 4.1
  // Answers that a client has not taken: four of the largest. Beyond, it is closed.
  std::size_t unsent_bytes = std::size_t{256} << 10;
};

struct TcpClientCounters {
  std::uint64_t accepted = 0;
  std::uint64_t evicted = 0;  // TcpClientLimits::connections
  std::uint64_t idle_closed = 0;
  std::uint64_t refused = 0;       // a request of a length that none has
  std::uint64_t slow_readers = 0;  // TcpClientLimits::unsent_bytes
};

// Connections of clients: messages with their lengths, as many at once as they like, answered in
// any order (RFC 7766 section 6.2.1.1).
class TcpClients {
 public:
  struct Events {
    // The number of the connection, who asks, and what.
    std::function<void(std::uint64_t, const Endpoint&, ByteView)> on_query;
    std::function<void(std::uint64_t)> on_gone;
  };

  // Outlives the tasks.
  TcpClients(io::Tasks& tasks, const TcpClientLimits& limits, Events events);
  TcpClients(const TcpClients&) = delete;
  TcpClients& operator=(const TcpClients&) = delete;
  ~TcpClients();

  // A listening socket.
  void serve(const boost::asio::any_io_executor& executor, io::FileDescriptor fd, bool is_v6);
  // Nothing when the connection has gone.
  void reply(std::uint64_t connection, ByteView message);
  void close_all();

  std::size_t size() const { return connections_.size(); }

  const TcpClientCounters& counters() const { return counters_; }

 private:
  struct Connection;
  using ConnectionPointer = std::shared_ptr<Connection>;

  boost::asio::awaitable<void> accept(std::shared_ptr<boost::asio::ip::tcp::acceptor> acceptor);
  boost::asio::awaitable<void> read(ConnectionPointer connection);
  boost::asio::awaitable<void> write(ConnectionPointer connection);
  bool take_requests(Connection& connection);
  void send(Connection& connection);
  void close(Connection& connection);
  void make_room();

  io::Tasks& tasks_;
  TcpClientLimits limits_;
  Events events_;
  std::map<std::uint64_t, ConnectionPointer> connections_;  // at most limits_.connections
  std::vector<std::shared_ptr<boost::asio::ip::tcp::acceptor>> acceptors_;
  std::uint64_t last_number_ = 0;
  TcpClientCounters counters_;
};

}  // namespace warren::dns
