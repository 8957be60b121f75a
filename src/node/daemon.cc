#include "node/daemon.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "base/version.h"
#include "io/clock.h"
#include "io/private_directory.h"
#include "node/machine.h"
#include "node/os/policy_rules.h"
#include "node/state_file.h"

namespace warren::node {

namespace asio = boost::asio;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kMaxWatchers = 64;
constexpr Duration kExpiryLook = 1h;  // at the latest: the clock may be set
constexpr std::chrono::seconds kRepairAfter{2};
constexpr std::chrono::seconds kKeepDevicesEvery{15};  // less than a device's keepalive

}  // namespace

Result<std::unique_ptr<Daemon>> Daemon::start(const asio::any_io_executor& executor,
                                              const DaemonOptions& options,
                                              Random& random,
                                              const WallClock& wall_clock,
                                              Log& log,
                                              std::optional<NamesOptions> names) {
  std::unique_ptr<Daemon> out(new Daemon(executor, options, random, wall_clock, log));
  WARREN_TRY_VOID(out->take_over());
  WARREN_TRY_VOID(out->load());
  WARREN_TRY_VOID(out->watch_network());
  // Before anything is dialled: what a run that was killed has left may lead our lookups astray.
  if (names) out->start_names(std::move(*names));
  out->tasks_.spawn("node: expiry", out->watch_expiry());
  out->tasks_.spawn("node: devices", out->keep_device_endpoints());
  if (out->state_.prefs.want_running && !out->state_.prefs.logged_out) out->connect({}, false);
  return out;
}

Daemon::Daemon(const asio::any_io_executor& executor,
               const DaemonOptions& options,
               Random& random,
               const WallClock& wall_clock,
               Log& log)
    : executor_(executor),
      options_(options),
      random_(random),
      wall_clock_(wall_clock),
      steady_clock_(wall_clock.now(), io::boot_now()),
      log_(log),
      disco_key_(DiscoPrivateKey::generate(random)),
      machine_(describe_machine()),
      host_lookup_(options.overlay.mark, random),
      relay_names_(executor,
                   host_lookup_,
                   log,
                   [this] {
                     if (overlay_) overlay_->apply_relays(map_);
                   }),
      expiry_timer_(executor),
      devices_timer_(executor),
      repair_timer_(executor),
      closing_(executor, log),
      tasks_(executor, log) {}

Daemon::~Daemon() = default;

// Of a run that was killed nothing is left afterwards, whether or not this one will connect.
Result<void> Daemon::take_over() {
  WARREN_TRY_VOID(io::make_private_directory(options_.state_directory));
  WARREN_TRY(lock_, InstanceLock::take(options_.state_directory));
  const auto removed = clean_host();
  if (!removed) {
    log_.warn("node: something of an earlier run is left: {}", removed.error().detail);
  } else if (*removed != Removed()) {
    log_.info("node: cleaned up after a run that was killed rules={} routes={}", removed->rules,
              removed->routes);
  }
  return {};
}

// --- the state file

Result<void> Daemon::load() {
  WARREN_TRY(state_, load_or_make_state(options_.state_directory, random_));
  device_endpoints_ = load_device_endpoints(options_.state_directory);
  return {};
}

Result<void> Daemon::save(const NodeState& state) const {
  return save_state(options_.state_directory, state);
}

// --- wishes

Result<void> Daemon::change_prefs(const MaskedPrefs& changes) {
  return start({.prefs = changes, .auth_key = {}, .server_key = std::nullopt, .force = false});
}

Result<void> Daemon::start(const StartRequest& request) {
  WARREN_TRY(Prefs prefs, apply_prefs(state_.prefs, request.prefs));
  if (prefs.want_running && prefs.control_url.empty()) {
    return fail(Errc::InvalidArgument,
                "no server is known yet: say which with --login-server https://NAME, as in the "
                "command that the server printed");
  }
  NodeState next = state_.clone();
  const bool is_other_url = prefs.control_url != state_.prefs.control_url;
  const bool is_other_key = request.server_key && request.server_key != state_.server_key;
  // One that shows the key that we know is the same, wherever it is now.
  const bool is_same_key = request.server_key && request.server_key == state_.server_key;
  const bool is_other_server = is_other_url && !is_same_key;
  // What one server knows us by is nothing to another.
  if (is_other_server) {
    next.node_key = NodePrivateKey();
    next.server_key.reset();
  }
  if (request.server_key) next.server_key = request.server_key;
  const bool wants_login = !request.auth_key.empty() || request.force;
  if (wants_login || is_other_server) prefs.logged_out = false;
  next.prefs = prefs;
  const Prefs before = state_.prefs;
  if (next.prefs != before || is_other_server || is_other_key) WARREN_TRY_VOID(save(next));
  state_ = std::move(next);
  if (is_other_url || is_other_key) {
    retire_link();
    map_ = NetworkMap();
    drop_overlay();
  }
  const bool was_connected = link_ != nullptr && before.want_running && !before.logged_out;
  const bool shall_connect = prefs.want_running && !prefs.logged_out;
  if (!shall_connect) {
    disconnect();
  } else if (!was_connected || wants_login || client_status().login == LoginState::NeedsLogin) {
    connect(request.auth_key, request.force);
  } else if (prefs != before) {
    introduce();
    follow_prefs();
  }
  Notice notice;
  notice.prefs_changed = prefs != before;
  tell(std::move(notice));
  tell_state();
  return {};
}

Result<void> Daemon::log_in() {
  if (state_.prefs.control_url.empty()) {
    return fail(Errc::InvalidArgument, "no server is known yet: use --login-server https://NAME");
  }
  NodeState next = state_.clone();
  next.prefs.want_running = true;
  next.prefs.logged_out = false;
  WARREN_TRY_VOID(save(next));
  state_ = std::move(next);
  // Somebody may be reading the link already: it stays good.
  if (const ClientStatus client = client_status();
      client.login == LoginState::NeedsLogin && !client.link.empty()) {
    Notice notice;
    notice.browse_to_url = client.link;
    tell(std::move(notice));
    return {};
  }
  connect({}, false);
  return {};
}

Result<void> Daemon::log_out() {
  NodeState next = state_.clone();
  next.node_key = NodePrivateKey();
  next.prefs.logged_out = true;
  next.prefs.want_running = false;
  WARREN_TRY_VOID(save(next));
  state_ = std::move(next);
  drop_overlay();
  map_ = NetworkMap();
  introduction_.reset();
  if (link_) link_->log_out();
  tell_state();
  return {};
}

// --- the server

std::unique_ptr<ControlLink> Daemon::make_link() {
  ControlLink::Observer observer;
  observer.on_key_changed = [this](const NodePrivateKey& key) { return on_key_changed(key); };
  observer.on_server_key = [this](const MachinePublicKey& key) { on_server_key(key); };
  observer.on_status = [this](const ClientStatus& status) { on_status(status); };
  observer.on_map = [this](const MapNews& news) { on_map(news); };
  return std::make_unique<ControlLink>(
      executor_, state_.machine_key.clone(),
      ServerAddress{.url = state_.prefs.control_url, .key = state_.server_key}, host_lookup_,
      options_.overlay.mark, random_, log_, std::move(observer));
}

void Daemon::connect(std::string auth_key, bool force) {
  if (!link_) {
    link_ = make_link();
    introduction_.reset();
  }
  // What was told last holds until there is news.
  const bool is_ours = map_.self() && map_.self()->key == state_.node_key.public_key();
  if (!overlay_ && !force && is_ours && is_tunnel_wanted(map_, state_.prefs)) follow_map({});
  introduce();
  link_->start(state_.node_key.clone(), std::move(auth_key), force);
}

void Daemon::disconnect() {
  if (link_) link_->stop();
  drop_overlay();
  overlay_problem_.clear();
}

void Daemon::retire_link() {
  if (!link_) return;
  introduction_.reset();
  closing_.spawn("node: close the connection", close_link(std::move(link_)));
}

asio::awaitable<void> Daemon::close_link(std::unique_ptr<ControlLink> link) {
  co_await link->close();
}

Result<void> Daemon::on_key_changed(const NodePrivateKey& key) {
  NodeState next = state_.clone();
  next.node_key = key.clone();
  WARREN_TRY_VOID(save(next));
  state_ = std::move(next);
  drop_overlay();  // it was another's; the next map brings it back
  return {};
}

void Daemon::on_server_key(const MachinePublicKey& key) {
  NodeState next = state_.clone();
  next.server_key = key;
  if (const auto saved = save(next); !saved) {
    log_.warn("node: {}", saved.error().detail);
    return;
  }
  state_ = std::move(next);
}

void Daemon::on_status(const ClientStatus& status) {
  // The link says itself when it comes and goes.
  if (status.login == LoginState::NeedsLogin && status.error != told_status_.error &&
      !status.error.empty()) {
    log_.warn("node: not admitted: {}", status.error);
  }
  // Whoever is out is out: two machines that were removed must not go on talking.
  if (status.login == LoginState::NeedsLogin) drop_overlay();
  tell_state();
}

void Daemon::on_map(const MapNews& news) {
  const MapChange change = map_.apply(news, steady_clock_.at(io::boot_now()));
  follow_map(change);
  expiry_timer_.cancel();
  tell_state();
}

void Daemon::follow_map(const MapChange& change) {
  if (!is_tunnel_wanted(map_, state_.prefs)) {
    drop_overlay();
    return;
  }
  if (!overlay_) {
    start_overlay();
    return follow_prefs();
  }
  overlay_->apply(map_, change, state_.prefs);
  follow_names(change);
}

void Daemon::follow_prefs() {
  if (!overlay_) return;
  overlay_->apply_all(map_, state_.prefs);
  MapChange all;
  all.is_first = true;
  follow_names(all);
}

void Daemon::follow_names(const MapChange& change) {
  if (!names_ || !overlay_) return;
  names_->apply(map_, change, state_.prefs, overlay_->device());
  overlay_->set_service_addresses(names_->service_addresses());
}

void Daemon::drop_overlay() {
  if (names_) names_->clear();
  overlay_.reset();
}

void Daemon::start_names(NamesOptions options) {
  names_ = Names::start(executor_, std::move(options), options_.overlay.mark, host_lookup_, random_,
                        log_, [this] {
                          MapChange again;
                          again.dns = true;
                          follow_names(again);
                        });
}

void Daemon::start_overlay() {
  auto overlay =
      Overlay::start(executor_, state_.node_key, disco_key_, options_.overlay, relay_names_,
                     random_, wall_clock_, log_,
                     {.introduction_changed = [this] { introduce(); },
                      .failed = [this](const Error& error) { on_overlay_failed(error); }});
  if (!overlay) {
    overlay_problem_ = overlay.error().detail;
    log_.error("node: no tunnel: {}", overlay_problem_);
    return repair_overlay_later();
  }
  overlay_problem_.clear();
  overlay_ = std::move(*overlay);
  overlay_->remember(device_endpoints_);
  log_.info("node: tunnel up device={} port={}", options_.overlay.device, overlay_->port());
}

// Somebody deleted the device, perhaps. The overlay calls: it goes later.
void Daemon::on_overlay_failed(const Error& error) {
  overlay_problem_ = error.detail;
  log_.error("node: the tunnel failed: {}", overlay_problem_);
  repair_overlay_later();
}

void Daemon::repair_overlay_later() {
  repair_timer_.expires_after(kRepairAfter);
  repair_timer_.async_wait([this](boost::system::error_code cancelled) {
    if (cancelled) return;
    drop_overlay();
    if (state_.prefs.want_running) follow_map({});
    introduce();
  });
}

void Daemon::introduce() {
  if (!link_) return;
  Introduction next = make_introduction(machine_, state_.prefs, disco_key_.public_key(),
                                        overlay_ ? overlay_->endpoints() : std::vector<Endpoint>(),
                                        overlay_ ? &overlay_->report() : nullptr);
  if (introduction_ && !is_news(*introduction_, next)) return;
  introduction_ = next;
  link_->introduce(std::move(next));
}

// --- the machine

// The connection to the server may be dead, or may be possible again.
Result<void> Daemon::watch_network() {
  NetworkWatch::Observer observer;
  observer.changed = [this] {
    relay_names_.ask_again();
    if (names_) names_->look_again();
    if (link_) link_->on_network_change();
  };
  observer.is_own = [this](const IpAddress& address) {
    if (address == kDnsAddressV4 || address == kDnsAddressV6) return true;
    return map_.self() && std::ranges::any_of(map_.self()->addresses, [&](const IpPrefix& mine) {
             return mine.address() == address;
           });
  };
  WARREN_TRY(network_,
             NetworkWatch::start(executor_, options_.overlay.mark, log_, std::move(observer)));
  return {};
}

asio::awaitable<void> Daemon::watch_expiry() {
  while (true) {
    Duration wait = kExpiryLook;
    if (const auto next = map_.next_expiry()) {
      const std::int64_t seconds = next->seconds - steady_clock_.at(io::boot_now()).seconds + 1;
      wait = std::clamp<Duration>(std::chrono::seconds(seconds), 1s, kExpiryLook);
    }
    expiry_timer_.expires_after(wait);
    const auto [error] = co_await expiry_timer_.async_wait(kAwait);
    if (is_stopping_) co_return;
    if (error) continue;  // there is another map
    const MapChange change = map_.on_time(steady_clock_.at(io::boot_now()));
    if (change != MapChange()) {
      follow_map(change);
      tell_state();
    }
  }
}

// A device that only waits does not tell where it is when we come back.
asio::awaitable<void> Daemon::keep_device_endpoints() {
  while (true) {
    devices_timer_.expires_after(kKeepDevicesEvery);
    const auto [error] = co_await devices_timer_.async_wait(kAwait);
    if (error) co_return;
    save_device_endpoints();
  }
}

void Daemon::save_device_endpoints() {
  if (!overlay_) return;
  DeviceEndpoints now = overlay_->device_endpoints();
  if (now == device_endpoints_) return;
  const auto saved = node::save_device_endpoints(options_.state_directory, now);
  if (!saved) log_.warn("node: keep where devices are: {}", saved.error().detail);
  device_endpoints_ = std::move(now);
}

// --- for others

ClientStatus Daemon::client_status() const {
  return link_ ? link_->status() : ClientStatus();
}

std::string Daemon::refusal() const {
  const ClientStatus client = client_status();
  return client.login == LoginState::NeedsLogin ? client.error : std::string();
}

std::vector<std::string> Daemon::health() const {
  std::vector<std::string> out;
  const ClientStatus client = client_status();
  const bool is_out = !client.is_connected || client.login == LoginState::NeedsLogin;
  if (state_.prefs.want_running && is_out && !client.error.empty()) {
    out.push_back(client.error);
  }
  if (!overlay_problem_.empty()) out.push_back("There is no tunnel: " + overlay_problem_);
  if (overlay_) {
    for (std::string& problem : overlay_->health()) out.push_back(std::move(problem));
    if (names_) std::ranges::move(names_->health(), std::back_inserter(out));
    const path::Report& report = overlay_->report();
    if (report.home != relay::kNoRegion && !report.udp) {
      out.emplace_back(
          "UDP is blocked on this network: everything goes through the relay. A direct path needs "
          "UDP to the outside");
    }
  }
  return out;
}

Status Daemon::status(bool with_peers) const {
  static const path::Report kNoReport;
  const ClientStatus client = client_status();
  const StatusInput input{.prefs = state_.prefs,
                          .client = client,
                          .map = map_,
                          .report = overlay_ ? overlay_->report() : kNoReport,
                          .facts = [this](const control::Node& peer) -> std::optional<PeerFacts> {
                            return overlay_ ? overlay_->facts(peer) : std::nullopt;
                          },
                          .now = io::boot_now(),
                          .wall_now = wall_clock_.now(),
                          .version = std::string(version()),
                          .health = health(),
                          .has_tun = true,
                          .have_node_key = !state_.node_key.is_zero(),
                          .endpoints = overlay_ ? overlay_->endpoints() : std::vector<Endpoint>(),
                          .with_peers = with_peers};
  return make_status(input);
}

std::uint64_t Daemon::watch(Watcher watcher) {
  if (watchers_.size() >= kMaxWatchers) watchers_.erase(watchers_.begin());
  watchers_.emplace(++last_watcher_, std::move(watcher));
  return last_watcher_;
}

void Daemon::tell(Notice notice) {
  // A watcher may leave while it is told.
  const auto watchers = watchers_;
  for (const auto& [id, watcher] : watchers) watcher(notice);
}

// What watchers do not know yet.
void Daemon::tell_state() {
  const ClientStatus client = client_status();
  const BackendState now = state();
  Notice notice;
  if (now != told_state_) notice.state = now;
  if (refusal() != told_refusal_) notice.error = refusal();
  if (client.link != told_status_.link && !client.link.empty()) notice.browse_to_url = client.link;
  notice.login_finished =
      client.login == LoginState::Joined && told_status_.login != LoginState::Joined;
  told_state_ = now;
  told_status_ = client;
  told_refusal_ = refusal();
  if (notice.state || notice.error || notice.browse_to_url || notice.login_finished) {
    tell(std::move(notice));
  }
}

asio::awaitable<void> Daemon::stop() {
  is_stopping_ = true;
  save_device_endpoints();
  drop_overlay();
  if (names_) co_await names_->stop();
  if (link_) co_await link_->close();
  link_.reset();
  co_await closing_.wait();
  co_await relay_names_.stop();
  if (network_) co_await network_->stop();
  repair_timer_.cancel();
  expiry_timer_.cancel();
  devices_timer_.cancel();
  tasks_.cancel();
  co_await tasks_.wait();
}

}  // namespace warren::node
