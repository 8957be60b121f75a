#include "plain/session.h"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iterator>
#include <utility>

#include <fcntl.h>
#include <net/if.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "base/hex.h"
#include "io/clock.h"
#include "plain/engine_config.h"
#include "plain/name_lookup.h"
#include "plain/stale_socket.h"

namespace warren::plain {

namespace asio = boost::asio;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

std::string read_route_tables() {
  std::ifstream file("/etc/iproute2/rt_tables");
  return {std::istreambuf_iterator<char>(file), {}};
}

// An address that needs no lookup. One with a zone does: the zone may be a name.
std::optional<Endpoint> literal_endpoint(const wgquick::EndpointName& name) {
  const auto address = IpAddress::parse(name.host);
  if (!address) return std::nullopt;
  return Endpoint{*address, name.port, 0};
}

}  // namespace

Session::Session(asio::io_context& loop,
                 const RunOptions& options,
                 Random& random,
                 const WallClock& wall_clock,
                 Log& log)
    : loop_(loop),
      options_(options),
      random_(random),
      wall_clock_(wall_clock),
      log_(log),
      tasks_(loop.get_executor(), log),
      signals_(loop),
      link_news_(loop),
      lookup_timer_(loop) {}

Session::~Session() {
  if (!stopping_) undo();  // the start failed
}

Result<Ready> Session::start() {
  if (options_.config_path) WARREN_TRY_VOID(load(*options_.config_path));
  WARREN_TRY_VOID(open_ledger());
  WARREN_TRY_VOID(start_tunnel());
  WARREN_TRY_VOID(serve_wg());
  WARREN_TRY_VOID(watch());
  return Ready{options_.device, tunnel_->listen_port(), tunnel_->engine().public_key()};
}

// Only reads: nothing is changed before the file is known to be good.
Result<void> Session::load(const std::string& path) {
  WARREN_TRY(ConfigFile file, load_config_file(path));
  if (file.is_world_readable) {
    log_.warn("wg: everybody on this machine can read the private key in {0}: run `chmod 600 {0}`",
              path);
  }
  WARREN_TRY(plan_, plan_network(file.config, read_route_tables()));
  file_ = std::move(file);
  return {};
}

Result<void> Session::open_ledger() {
  WARREN_TRY(const std::uint64_t cookie, network_namespace_cookie());
  place_ = {options_.ledger_directory, cookie};
  WARREN_TRY(io::Netlink netlink, io::Netlink::open());
  network_ = std::make_unique<KernelNetwork>(std::move(netlink));
  WARREN_TRY(const HostLock lock, HostLock::take(place_));
  recover(place_, *network_, log_);
  WARREN_TRY(ledger_, Ledger::open(place_, options_.device));
  setup_ = std::make_unique<NetworkSetup>(place_, *ledger_, *network_, log_);
  return clear_socket_path(uapi_socket_path(options_.socket_directory, options_.device));
}

Result<void> Session::start_tunnel() {
  WARREN_TRY(auto tun, io::TunDevice::open(options_.device, options_.tun_offloads));
  link_ = tun->index();
  network_->set_device(link_);
  const unsigned mtu = file_ ? plan_.mtu : kDefaultMtu;
  const tunnel::Options tunnel_options{
      .cipher = options_.cipher,
      .udp_gso = options_.udp_gso,
      .udp_gro = options_.udp_gro,
      .listen_port = file_ ? file_->config.interface.listen_port : std::uint16_t{0},
      .mark = plan_.mark,
      .mtu = mtu};
  WARREN_TRY(tunnel_, tunnel::Tunnel::start(loop_.get_executor(), std::move(tun), tunnel_options,
                                            random_, wall_clock_, log_));
  tunnel_->observe({.handshake_given_up =
                        [this](wg::PeerId peer) {
                          const NodePublicKey key = tunnel_->engine().status(peer).public_key;
                          schedule_.on_given_up(key, io::boot_now());
                          lookup_timer_.cancel();
                        },
                    .failed =
                        [this](Error error) {
                          if (if_nametoindex(options_.device.c_str()) != link_) {
                            on_device_gone();
                          } else {
                            stop(unexpected(std::move(error)));
                          }
                        }});
  if (!file_) return network_->set_mtu(mtu);
  ConfigFile file = std::move(*file_);
  file_.reset();
  return apply(std::move(file));
}

Result<void> Session::serve_wg() {
  const std::string path = uapi_socket_path(options_.socket_directory, options_.device);
  uapi_ = std::make_unique<UapiDevice>(*tunnel_,
                                       [this](std::uint32_t asked) { return set_mark(asked); });
  WARREN_TRY_VOID(ledger_->note(SocketRecord{path}));
  WARREN_TRY(server_, UapiServer::start(loop_.get_executor(), path, *uapi_, tasks_));
  return {};
}

Result<void> Session::watch() {
  WARREN_TRY(io::LinkMonitor monitor, io::LinkMonitor::open());
  monitor_ = std::make_unique<io::LinkMonitor>(std::move(monitor));
  const int news = fcntl(monitor_->fd(), F_DUPFD_CLOEXEC, 0);  // Asio closes what it is given
  if (news < 0) return unexpected(errno_error("watch the device", errno));
  link_news_.assign(news);
  refresh_addresses();
  boost::system::error_code error;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    if (!error) signals_.add(signal, error);
  }
  if (error) return unexpected(errno_error("catch signals", error.value()));
  tasks_.spawn("wg: signals", watch_signals());
  tasks_.spawn("wg: link", watch_link());
  tasks_.spawn("wg: endpoints", look_up_endpoints());
  return {};
}

// From what is in force to `file`: the first time, everything.
Result<void> Session::apply(ConfigFile file) {
  WARREN_TRY(const NetworkPlan plan, plan_network(file.config, read_route_tables()));
  const wgquick::Interface& interface = file.config.interface;
  if (file_ && file_->config.interface.listen_port != interface.listen_port) {
    WARREN_TRY_VOID(tunnel_->set_listen_port(interface.listen_port));
  }
  if (tunnel_->mark() != plan.mark) WARREN_TRY_VOID(tunnel_->set_mark(plan.mark));
  Result<void> synced;
  tunnel_->configure([&](wg::Engine& engine, TimePoint now, wg::Actions& out) {
    synced = sync_engine(file.config, engine, now, out);
  });
  WARREN_TRY_VOID(synced);
  apply_endpoints(file.config);
  WARREN_TRY_VOID(setup_->apply(plan));
  tunnel_->set_mtu(plan.mtu);
  refresh_addresses();
  plan_ = plan;
  file_ = std::move(file);
  return {};
}

// Addresses at once, names in the background. A peer whose endpoint the file did not change keeps
// the one it has roamed to.
void Session::apply_endpoints(const wgquick::Config& config) {
  std::vector<EndpointSchedule::Lookup> names;
  std::unordered_map<NodePublicKey, wgquick::EndpointName> endpoints;
  for (const wgquick::Peer& peer : config.peers) {
    if (!peer.endpoint) continue;
    endpoints.emplace(peer.public_key, *peer.endpoint);
    const auto literal = literal_endpoint(*peer.endpoint);
    if (!literal) {
      names.push_back({peer.public_key, *peer.endpoint});
      continue;
    }
    const auto before = endpoints_.find(peer.public_key);
    if (before == endpoints_.end() || before->second != *peer.endpoint) {
      use_endpoint({peer.public_key, *peer.endpoint}, {*literal});
    }
  }
  endpoints_ = std::move(endpoints);
  schedule_.set_names(names, io::boot_now());
  lookup_timer_.cancel();
}

void Session::use_endpoint(const EndpointSchedule::Lookup& lookup,
                           const std::vector<Endpoint>& found) {
  // In the system's order of preference, but of a family that the tunnel has.
  const bool has_v6 = tunnel_->facts().has_v6;
  const auto usable =
      std::ranges::find_if(found, [&](const Endpoint& e) { return has_v6 || e.address.is_v4(); });
  if (usable == found.end()) {
    log_.warn(
        "wg: peer {} cannot be reached at {}: it has IPv6 addresses only, and IPv6 is off here",
        lookup.peer.short_text(), lookup.name.to_string());
    return;
  }
  const auto peer = tunnel_->engine().find_peer(lookup.peer);
  if (!peer || tunnel_->engine().status(*peer).endpoint == *usable) return;
  tunnel_->configure([&](wg::Engine& engine, TimePoint /*now*/, wg::Actions& /*out*/) {
    engine.set_endpoint(*peer, *usable);
  });
}

Result<void> Session::set_mark(std::uint32_t asked) {
  const std::uint32_t mark = setup_->mark_for(asked);
  WARREN_TRY_VOID(tunnel_->set_mark(mark));
  return setup_->follow_mark(mark);
}

void Session::reload() {
  const std::optional<std::string>& path = options_.config_path;
  if (!path) {
    log_.info("wg: SIGHUP is of no use without --config: this device is configured with `wg`");
    return;
  }
  auto file = load_config_file(*path);
  const Result<void> applied = file ? apply(std::move(*file)) : unexpected(file.error());
  if (!applied) {
    log_.error("wg: could not reload the configuration, mend it and send SIGHUP again: {}",
               applied.error().detail);
    return;
  }
  log_.info("wg: reloaded {}", *path);
}

// Also what others gave it: wg-quick adds addresses with ip(8).
void Session::refresh_addresses() {
  auto addresses = network_->addresses();
  if (addresses) tunnel_->set_local_addresses(std::move(*addresses));
}

asio::awaitable<void> Session::watch_signals() {
  while (!stopping_) {
    const auto [error, signal] = co_await signals_.async_wait(kAwait);
    if (error) co_return;
    if (signal == SIGHUP) {
      reload();
      continue;
    }
    log_.info("wg: stopping {} on a signal; another one ends it at once", options_.device);
    boost::system::error_code ignored;
    signals_.clear(ignored);  // back to the default action
    stop({});
  }
}

asio::awaitable<void> Session::watch_link() {
  while (!stopping_) {
    const auto [error] =
        co_await link_news_.async_wait(asio::posix::descriptor_base::wait_read, kAwait);
    if (error) co_return;
    on_link_changes(monitor_->drain());
  }
}

void Session::on_link_changes(const io::LinkChanges& changes) {
  if (changes.missed && if_nametoindex(options_.device.c_str()) != link_) return on_device_gone();
  for (const io::Link& link : changes.changed) {
    if (link.index != link_) continue;
    tunnel_->set_mtu(link.mtu);
    refresh_addresses();
  }
  if (std::ranges::find(changes.removed, link_) != changes.removed.end()) on_device_gone();
}

void Session::on_device_gone() {
  if (!options_.config_path) {
    log_.info("wg: {} was deleted: done", options_.device);
    return stop({});
  }
  stop(fail(Errc::NotFound,
            fmt::format("the device {} was deleted by another program; start `warren wg` again to "
                        "have it back, and stop it with SIGTERM next time",
                        options_.device)));
}

asio::awaitable<void> Session::look_up_endpoints() {
  while (!stopping_) {
    for (EndpointSchedule::Lookup& lookup : schedule_.take_due(io::boot_now())) {
      tasks_.spawn("wg: look up an endpoint", look_up(std::move(lookup)));
    }
    const Duration wait = schedule_.next_timeout() - io::boot_now();
    lookup_timer_.expires_after(std::clamp<Duration>(wait, 0ns, 1h));
    co_await lookup_timer_.async_wait(kAwait);  // cancelled: there is something new
  }
}

asio::awaitable<void> Session::look_up(EndpointSchedule::Lookup lookup) {
  const auto found = co_await look_up_name(lookup.name.host, lookup.name.port);
  if (stopping_) co_return;
  lookup_timer_.cancel();
  if (found) {
    if (schedule_.on_found(lookup)) use_endpoint(lookup, *found);
    co_return;
  }
  const Duration pause = schedule_.on_failed(lookup, io::boot_now());
  if (pause == Duration::zero()) co_return;
  log_.warn("wg: no address for {}, the endpoint of peer {}: {}; trying again in {} s",
            lookup.name.to_string(), lookup.peer.short_text(), found.error().detail,
            std::chrono::duration_cast<std::chrono::seconds>(pause).count());
}

void Session::undo() {
  if (server_) server_->close();
  if (!setup_) return;
  if (const auto undone = setup_->undo(); !undone) {
    log_.error("wg: could not undo everything, the next start of `warren wg` tries again: {}",
               undone.error().detail);
  }
}

void Session::stop(Result<void> outcome) {
  if (std::exchange(stopping_, true)) return;
  outcome_ = std::move(outcome);
  undo();
  io::spawn(loop_.get_executor(), log_, "wg: finish", finish());
}

asio::awaitable<void> Session::finish() {
  lookup_timer_.cancel();
  tasks_.cancel();
  co_await tasks_.wait();
  loop_.stop();
}

}  // namespace warren::plain
