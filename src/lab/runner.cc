#include "lab/runner.h"

#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>
#include <memory>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "io/spawn.h"
#include "lab/control_server.h"
#include "lab/router.h"

namespace warren::lab {

Result<Topology> load_topology(const std::string& path) {
  std::ifstream file(path);
  if (!file) return unexpected(errno_error("open " + path, errno));
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (file.bad()) return unexpected(errno_error("read " + path, errno));
  auto topology = parse_topology(text);
  if (!topology) return with_context(path, topology.error());
  return topology;
}

Result<void> run(const Topology& topology,
                 const RunOptions& options,
                 Log& log,
                 const std::function<void()>& ready) {
  boost::asio::io_context loop(1);
  io::Tasks tasks(loop.get_executor(), log);
  WARREN_TRY(const auto router, Router::create(loop, topology, log));
  std::unique_ptr<ControlServer> control;
  if (!options.control_path.empty()) {
    WARREN_TRY(control,
               ControlServer::listen(loop.get_executor(), options.control_path, *router, tasks));
    tasks.spawn("lab: accept on " + options.control_path, control->accept_clients());
  }
  boost::asio::signal_set signals(loop, SIGINT, SIGTERM);
  signals.async_wait([&](boost::system::error_code, int) {
    if (control) control->close();
    tasks.cancel();
    router->stop();
  });
  router->start();
  ready();
  loop.run();
  return {};
}

}  // namespace warren::lab
