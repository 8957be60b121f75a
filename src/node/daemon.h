#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/log.h"
#include "base/random.h"
#include "base/result.h"
#include "crypto/keys.h"
#include "io/spawn.h"
#include "node/control_link.h"
#include "node/core/backend_state.h"
#include "node/core/network_map.h"
#include "node/core/node_state.h"
#include "node/core/prefs.h"
#include "node/core/status_report.h"
#include "node/core/steady_wall_clock.h"
#include "node/device_endpoints.h"
#include "node/names.h"
#include "node/network_watch.h"
#include "node/os/host_lookup.h"
#include "node/os/instance_lock.h"
#include "node/overlay.h"
#include "node/relay_names.h"
#include "node/state_file.h"

namespace warren::node {

struct DaemonOptions {
  std::string state_directory = "/var/lib/warren/node";
  OverlayOptions overlay;
};

// What `warren up` asks for besides preferences.
struct StartRequest {
  MaskedPrefs prefs;
  std::string auth_key;
  std::optional<MachinePublicKey> server_key;  // first trust
  bool force = false;                          // a new key, whatever the server knows
};

// Something that watchers want to hear of.
struct Notice {
  std::optional<BackendState> state;
  std::optional<std::string> error;  // why the server refuses us; empty: it does not
  std::optional<std::string> browse_to_url;
  bool login_finished = false;
  bool prefs_changed = false;
};

// A machine of the overlay: its state file, its talk with the coordination server, the network map,
// and the data plane that follows it. `warrend` is this with a local API around it.
//
// The tunnel depends on the server for news only: when the server is away, what was told last goes
// on to hold. One strand.
class Daemon {
 public:
  // Reads the state, or makes it. Joins at once when that is what was wanted last. References
  // outlive it. `names`: none, and it leaves names alone.
  static Result<std::unique_ptr<Daemon>> start(const boost::asio::any_io_executor& executor,
                                               const DaemonOptions& options,
                                               Random& random,
                                               const WallClock& wall_clock,
                                               Log& log,
                                               std::optional<NamesOptions> names = std::nullopt);
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  ~Daemon();

  // --- wishes. What they change is on the disk when they return.
  Result<void> change_prefs(const MaskedPrefs& changes);
  Result<void> start(const StartRequest& request);
  // Asks for a link where a person approves this machine.
  Result<void> log_in();
  // The server expires our key; this machine has none afterwards.
  Result<void> log_out();

  // --- what there is
  BackendState state() const { return backend_state(state_.prefs, client_status(), map_); }

  ClientStatus client_status() const;
  // Why the server refuses us for good: somebody has to do something. What may pass is in health().
  std::string refusal() const;

  const Prefs& prefs() const { return state_.prefs; }

  const NetworkMap& map() const { return map_; }

  Overlay* overlay() const { return overlay_.get(); }  // null: no packets flow

  const Names* names() const { return names_.get(); }  // null: it leaves names alone

  Status status(bool with_peers) const;
  std::vector<std::string> health() const;

  // --- news
  using Watcher = std::function<void(const Notice&)>;
  std::uint64_t watch(Watcher watcher);

  void unwatch(std::uint64_t id) { watchers_.erase(id); }

  // Takes everything back, and ends all tasks. Then it may be destroyed.
  boost::asio::awaitable<void> stop();

 private:
  Daemon(const boost::asio::any_io_executor& executor,
         const DaemonOptions& options,
         Random& random,
         const WallClock& wall_clock,
         Log& log);

  Result<void> take_over();
  Result<void> load();
  Result<void> save(const NodeState& state) const;
  Result<void> watch_network();
  void start_names(NamesOptions options);

  void connect(std::string auth_key, bool force);
  void disconnect();
  std::unique_ptr<ControlLink> make_link();
  void retire_link();
  boost::asio::awaitable<void> close_link(std::unique_ptr<ControlLink> link);

  Result<void> on_key_changed(const NodePrivateKey& key);
  void on_server_key(const MachinePublicKey& key);
  void on_status(const ClientStatus& status);
  void on_map(const MapNews& news);
  void follow_map(const MapChange& change);
  void follow_names(const MapChange& change);
  void follow_prefs();
  void start_overlay();
  void drop_overlay();
  void on_overlay_failed(const Error& error);
  void repair_overlay_later();
  void introduce();
  void tell(Notice notice);
  void tell_state();
  boost::asio::awaitable<void> watch_expiry();
  boost::asio::awaitable<void> keep_device_endpoints();
  void save_device_endpoints();

  std::optional<InstanceLock> lock_;
  boost::asio::any_io_executor executor_;
  DaemonOptions options_;
  Random& random_;
  const WallClock& wall_clock_;
  const SteadyWallClock steady_clock_;  // for the map: keys expire by the server's clock
  Log& log_;

  NodeState state_;
  const DiscoPrivateKey disco_key_;  // of this process
  const control::Hostinfo machine_;

  NetworkMap map_;
  HostLookup host_lookup_;
  RelayNames relay_names_;
  std::unique_ptr<Overlay> overlay_;
  std::string overlay_problem_;
  std::unique_ptr<Names> names_;
  std::unique_ptr<ControlLink> link_;
  std::optional<Introduction> introduction_;  // as the server was told
  BackendState told_state_ = BackendState::NoState;
  ClientStatus told_status_;
  std::string told_refusal_;

  std::map<std::uint64_t, Watcher> watchers_;
  std::uint64_t last_watcher_ = 0;
  std::unique_ptr<NetworkWatch> network_;
  boost::asio::steady_timer expiry_timer_;
  DeviceEndpoints device_endpoints_;  // as they are in the file
  boost::asio::steady_timer devices_timer_;
  boost::asio::steady_timer repair_timer_;  // until a tunnel that failed is made again
  bool is_stopping_ = false;
  io::Tasks closing_;  // connections that are not ours any more
  io::Tasks tasks_;
};

}  // namespace warren::node
