#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/ip_address.h"
#include "base/log.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/keys.h"
#include "io/metrics_text.h"
#include "node/daemon.h"

namespace warren::server {

struct HubOptions {
  std::string state_directory;  // its keys: what profiles of devices name
  std::string device = "warren0";
  std::uint16_t port = 41641;  // UDP; profiles name it, so no other will do
  Endpoint server;             // where our own listener is
  MachinePublicKey server_key;
};

// The machine key by which the hub is known to the server; made at the first start.
Result<MachinePublicKey> hub_machine_key(const std::string& state_directory, Random& random);

// The server's hub role: a node of the mesh in this process that carries stock WireGuard devices.
// It joins over the server's own listener, where it is known by its machine key.
//
// Off until start(); from then on it runs, or tries to again and again, and problem() says what
// keeps it from it. The server does not depend on it. On the server's strand; stop() comes before
// it is destroyed.
class Hub {
 public:
  // References outlive it.
  Hub(const boost::asio::any_io_executor& executor,
      HubOptions options,
      Random& random,
      const WallClock& wall_clock,
      Log& log);
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;
  ~Hub();

  void start();  // harmless when it runs

  bool is_wanted() const { return is_wanted_; }

  // Admitted, with a tunnel.
  bool is_up() const;
  // What keeps it from being up, a sentence for a person; empty: nothing, or nobody wants it.
  std::string problem() const;
  // Until it is up, or somebody has to do something, or `limit` has passed.
  boost::asio::awaitable<void> settle(Duration limit);

  std::string json() const;  // for administrators
  void add_metrics(std::vector<io::Metric>& out) const;

  boost::asio::awaitable<void> stop();

 private:
  void try_to_start();
  Result<void> open();
  Result<void> make_daemon();
  std::string peers_json() const;

  boost::asio::any_io_executor executor_;
  HubOptions options_;
  Random& random_;
  const WallClock& wall_clock_;
  Log& log_;
  bool is_wanted_ = false;
  std::string problem_;  // why there is no daemon
  std::unique_ptr<node::Daemon> daemon_;
  boost::asio::steady_timer retry_;
  boost::asio::steady_timer changed_;  // cancelled when there is news
};

}  // namespace warren::server
