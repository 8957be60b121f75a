#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/result.h"
#include "base/time.h"
#include "io/spawn.h"
#include "io/unix_listener.h"
#include "plain/uapi_device.h"

namespace warren::plain {

// Where `wg` looks for a device: DIRECTORY/DEVICE.sock.
std::string uapi_socket_path(const std::string& directory, const std::string& device);

// Serves `wg`: a Unix socket, a task a client, one request after another on each.
class UapiServer {
 public:
  static constexpr std::size_t kMaxClients = 16;  // more are closed at once
  // For a whole request, and for a client to take its answer: `wg` needs milliseconds.
  static constexpr Duration kDeadline = 30s;

  // `device` and `tasks` outlive it. Makes the directory as wireguard-go does (0700). Its tasks end
  // after close() and tasks.cancel().
  static Result<std::unique_ptr<UapiServer>> start(const boost::asio::any_io_executor& executor,
                                                   const std::string& path,
                                                   UapiDevice& device,
                                                   io::Tasks& tasks);

  // No new clients; the file is gone.
  void close() { listener_.reset(); }

  std::size_t refused() const { return refused_; }  // clients beyond kMaxClients

 private:
  class Client;

  UapiServer(io::UnixListener listener, UapiDevice& device, io::Tasks& tasks);

  boost::asio::awaitable<void> accept_clients();
  boost::asio::awaitable<void> serve(std::shared_ptr<Client> client);

  std::optional<io::UnixListener> listener_;
  UapiDevice& device_;
  io::Tasks& tasks_;
  std::size_t clients_ = 0;
  std::size_t refused_ = 0;
};

}  // namespace warren::plain
