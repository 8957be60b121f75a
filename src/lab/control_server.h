#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include "base/result.h"
#include "io/spawn.h"
#include "io/unix_listener.h"
#include "lab/router.h"

namespace warren::lab {

// Takes commands (command.h) on a Unix socket that only its owner may connect to. A client may stay
// connected as long as it likes, since it is the operator; what it may use is bounded.
class ControlServer {
 public:
  static constexpr std::size_t kMaxClients = 16;
  static constexpr std::size_t kMaxLine = 65536;

  // `router` and `tasks` outlive the server; `tasks` has ended before it is destroyed.
  static Result<std::unique_ptr<ControlServer>> listen(const boost::asio::any_io_executor& executor,
                                                       const std::string& path,
                                                       Router& router,
                                                       io::Tasks& tasks);

  // Until close().
  boost::asio::awaitable<void> accept_clients();

  void close() { listener_.reset(); }

 private:
  using Socket = boost::asio::local::stream_protocol::socket;
  class Client;

  ControlServer(io::UnixListener listener, Router& router, io::Tasks& tasks)
      : listener_(std::move(listener)), router_(router), tasks_(tasks) {}

  boost::asio::awaitable<void> serve(std::shared_ptr<Client> client);
  std::string answer(std::string_view line);

  std::optional<io::UnixListener> listener_;
  Router& router_;
  io::Tasks& tasks_;
  std::size_t clients_ = 0;
};

}  // namespace warren::lab
