#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "io/link_monitor.h"
#include "io/spawn.h"
#include "plain/config_file.h"
#include "plain/endpoint_schedule.h"
#include "plain/kernel_network.h"
#include "plain/ledger.h"
#include "plain/network_plan.h"
#include "plain/network_setup.h"
#include "plain/runner.h"
#include "plain/uapi_device.h"
#include "plain/uapi_server.h"
#include "tunnel/tunnel.h"

namespace warren::plain {

// What one run() consists of. Lives on one loop of one thread, the tunnel's control strand.
class Session {
 public:
  Session(boost::asio::io_context& loop,
          const RunOptions& options,
          Random& random,
          const WallClock& wall_clock,
          Log& log);
  ~Session();

  // Everything up to a device that works. After a failure nothing is left behind.
  Result<Ready> start();

  // Why the loop has ended.
  const Result<void>& outcome() const { return outcome_; }

 private:
  Result<void> open_ledger();
  Result<void> start_tunnel();
  Result<void> serve_wg();
  Result<void> watch();

  Result<void> load(const std::string& path);
  Result<void> apply(ConfigFile file);
  void apply_endpoints(const wgquick::Config& config);
  Result<void> set_mark(std::uint32_t asked);
  void reload();
  void refresh_addresses();
  void undo();
  void stop(Result<void> outcome);
  void on_device_gone();

  boost::asio::awaitable<void> watch_signals();
  boost::asio::awaitable<void> watch_link();
  boost::asio::awaitable<void> look_up_endpoints();
  boost::asio::awaitable<void> look_up(EndpointSchedule::Lookup lookup);
  boost::asio::awaitable<void> finish();

  void on_link_changes(const io::LinkChanges& changes);
  void use_endpoint(const EndpointSchedule::Lookup& lookup, const std::vector<Endpoint>& found);

  boost::asio::io_context& loop_;
  const RunOptions& options_;
  Random& random_;
  const WallClock& wall_clock_;
  Log& log_;

  LedgerPlace place_;
  std::unique_ptr<KernelNetwork> network_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<NetworkSetup> setup_;
  unsigned link_ = 0;  // index of the device
  std::unique_ptr<tunnel::Tunnel> tunnel_;
  std::optional<ConfigFile> file_;  // what is in force; none: left to `wg`
  NetworkPlan plan_;
  std::unordered_map<NodePublicKey, wgquick::EndpointName> endpoints_;  // of the file in force

  io::Tasks tasks_;
  std::unique_ptr<UapiDevice> uapi_;
  std::unique_ptr<UapiServer> server_;
  boost::asio::signal_set signals_;
  std::unique_ptr<io::LinkMonitor> monitor_;
  boost::asio::posix::stream_descriptor link_news_;
  EndpointSchedule schedule_;
  boost::asio::steady_timer lookup_timer_;

  bool stopping_ = false;
  Result<void> outcome_;
};

}  // namespace warren::plain
