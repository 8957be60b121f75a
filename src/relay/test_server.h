#pragma once

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "crypto/system_random.h"
#include "io/thread.h"
#include "io/tls_certificate.h"
#include "proto/relay/region.h"
#include "relay/server.h"

namespace warren::relay {

// A relay on loopback with its loop on a thread of its own, for tests. It admits everyone at first.
class TestServer {
 public:
  explicit TestServer(const ServerOptions& options);
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;
  ~TestServer();

  const RelayPublicKey& key() const { return public_key_; }

  io::TlsCertificate::Fingerprint fingerprint() const { return certificate_->fingerprint(); }

  std::uint16_t tls_port() const { return tls_port_; }

  std::uint16_t plain_port() const { return plain_port_; }

  std::uint16_t pages_port() const { return pages_port_; }

  // A node of a map that describes it.
  Node node(std::string name) const;

  // Calls it with the server, on the loop's thread.
  template <class Function>
  auto call(Function function) {
    std::packaged_task<std::invoke_result_t<Function&, Server&>()> task(
        [this, &function] { return function(*server_); });
    auto result = task.get_future();
    boost::asio::post(loop_, std::move(task));
    return result.get();
  }

  void set_members(std::vector<NodePublicKey> keys);

  // Tells the clients, and ends. Nothing may be called after that but start().
  void stop();
  // Again, on the same ports, with the same key and certificate.
  void start();

 private:
  boost::asio::awaitable<void> stop_server(std::promise<void>* stopped);

  ServerOptions options_;
  SystemRandom random_;
  RelayPrivateKey private_key_;
  RelayPublicKey public_key_;
  std::optional<io::TlsCertificate> certificate_;
  boost::asio::io_context loop_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
  std::unique_ptr<Server> server_;  // null: stopped
  std::uint16_t tls_port_ = 0;
  std::uint16_t plain_port_ = 0;
  std::uint16_t pages_port_ = 0;
  std::optional<io::Thread> thread_;  // last: it uses all of this
};

}  // namespace warren::relay
