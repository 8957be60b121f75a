#pragma once

#include <functional>
#include <memory>
#include <optional>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "base/log.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "io/local_http_server.h"
#include "io/spawn.h"
#include "main/node/config.h"
#include "node/daemon.h"
#include "node/local_api.h"
#include "node/names.h"
#include "node/os/dns_backend.h"

namespace warren::noded {

// --- what needs more than CAP_NET_ADMIN

// State and socket directories.
Result<void> prepare_directories(const Config& config);

// The host whose name resolution is set up.
node::DnsHost dns_host(const Config& config);
// Port 53 of the addresses where names are asked, and the host that is told so.
node::NamesOptions prepare_names(const Config& config);

// `warrend`: the node with its local API.
class Program {
 public:
  // How the configuration is read again, with what the command line said.
  using Reload = std::function<Result<Config>()>;

  // References outlive it.
  Program(Config config,
          node::NamesOptions names,
          Reload reload,
          Random& random,
          const WallClock& wall_clock,
          Log& log);
  ~Program();

  Result<void> start();
  // Until SIGTERM or SIGINT; a second one ends the process at once.
  void run();

 private:
  Result<void> serve();
  void reload();
  void shut_down();
  boost::asio::awaitable<void> heed_signals();
  boost::asio::awaitable<void> stop();

  Config config_;
  std::optional<node::NamesOptions> names_;  // until the start
  Reload reload_;
  Random& random_;
  const WallClock& wall_clock_;
  Log& log_;
  boost::asio::io_context loop_{1};
  boost::asio::signal_set signals_;
  std::unique_ptr<node::Daemon> daemon_;
  std::unique_ptr<node::LocalApi> api_;
  std::unique_ptr<io::LocalHttpServer> server_;
  io::Tasks tasks_;
  bool is_stopping_ = false;
};

}  // namespace warren::noded
