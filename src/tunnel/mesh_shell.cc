#include "tunnel/mesh_shell.h"

#include <utility>

#include <fcntl.h>

namespace warren::tunnel {

namespace {

// A change of address is two to ten messages within a few milliseconds; an address that is silent
// for longer than this is missed by somebody.
constexpr std::chrono::milliseconds kSettle = 50ms;
constexpr std::chrono::seconds kTryAgain = 1s;  // when the kernel did not answer

path::LocalNetwork to_path(const io::NetworkState& state) {
  path::LocalNetwork out;
  for (const io::LinkAddress& address : state.addresses)
    out.addresses.push_back({.address = address.address, .interface = address.link});
  out.default_v4 = state.default_v4;
  out.default_v6 = state.default_v6;
  return out;
}

}  // namespace

Result<std::unique_ptr<MeshShell>> MeshShell::start(const boost::asio::any_io_executor& executor,
                                                    Control& control,
                                                    io::RelayPort& relay,
                                                    const io::NetworkMonitorOptions& options,
                                                    std::function<void()> done,
                                                    Log& log) {
  WARREN_TRY(io::NetworkMonitor monitor, io::NetworkMonitor::open(options));
  std::unique_ptr<MeshShell> out(
      new MeshShell(executor, control, relay, std::move(monitor), std::move(done), log));
  const int news = fcntl(out->monitor_.fd(), F_DUPFD_CLOEXEC, 0);  // Asio closes what it is given
  if (news < 0) return unexpected(errno_error("watch the network", errno));
  out->news_.assign(news);
  WARREN_TRY(out->network_, out->monitor_.read());
  out->wait_for_news();
  return out;
}

MeshShell::MeshShell(const boost::asio::any_io_executor& executor,
                     Control& control,
                     io::RelayPort& relay,
                     io::NetworkMonitor monitor,
                     std::function<void()> done,
                     Log& log)
    : control_(control),
      relay_(relay),
      monitor_(std::move(monitor)),
      done_(std::move(done)),
      log_(log),
      news_(executor),
      settle_(executor) {
  relay_.attach(this, &control_.link().to_worker);
}

MeshShell::~MeshShell() {
  relay_.attach(nullptr, nullptr);
}

void MeshShell::set_sockets(const io::UdpSocketPair& sockets) {
  port_v4_ = sockets.v4 ? sockets.port : 0;
  port_v6_ = sockets.v6 ? sockets.port : 0;
  tell_network();
}

void MeshShell::set_mark(std::uint32_t mark) {
  monitor_.set_mark(mark);
  read_network();
}

void MeshShell::check_sleep() {
  if (!sleep_.has_slept()) return;
  log_.info("tunnel: the machine has slept");
  tell([](Paths& paths, TimePoint now) { paths.on_wakeup(now); });
}

void MeshShell::set_relay_map(std::shared_ptr<const relay::Map> map) {
  tell([&](Paths& paths, TimePoint now) { paths.set_relay_map(std::move(map), now); });
}

void MeshShell::set_peer(wg::PeerId peer, const path::PeerConfig& config) {
  tell([&](Paths& paths, TimePoint now) { paths.set_peer(peer, config, now); });
}

Result<std::uint64_t> MeshShell::ping(wg::PeerId peer, OnPingAnswer on_answer) {
  Result<std::uint64_t> out;
  tell([&](Paths& paths, TimePoint now) { out = paths.ping(peer, std::move(on_answer), now); });
  return out;
}

void MeshShell::cancel_ping(std::uint64_t ping) {
  tell([&](Paths& paths, TimePoint /*now*/) { paths.cancel_ping(ping); });
}

void MeshShell::observe(Observer observer) {
  tell([&](Paths& paths, TimePoint /*now*/) { paths.observe(std::move(observer)); });
}

void MeshShell::on_relay_up(relay::RegionId region) {
  tell([&](Paths& paths, TimePoint now) { paths.on_relay_up(region, now); });
}

void MeshShell::on_relay_down(relay::RegionId region) {
  tell([&](Paths& paths, TimePoint now) { paths.on_relay_down(region, now); });
}

void MeshShell::on_peer_gone(const relay::Route& peer) {
  tell([&](Paths& paths, TimePoint now) { paths.on_peer_gone(peer, now); });
}

void MeshShell::on_relay_measured(relay::RegionId region, std::optional<Duration> latency) {
  tell([&](Paths& paths, TimePoint now) { paths.on_relay_measured(region, latency, now); });
}

void MeshShell::on_relayed(const relay::Route& from, ByteView datagram) {
  control_.on_relayed(from, datagram, clock_.now());
  done_();
}

void MeshShell::tell(const std::function<void(Paths& paths, TimePoint now)>& news) {
  const TimePoint now = clock_.now();
  control_.tell_paths([&](Paths& paths) { news(paths, now); }, now);
  done_();
}

void MeshShell::wait_for_news() {
  news_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                   [this](boost::system::error_code error) {
                     if (error) return;  // the tunnel is going
                     on_news();
                     wait_for_news();
                   });
}

void MeshShell::on_news() {
  const io::NetworkNews news = monitor_.drain();
  was_interrupted_ |= news.interrupted;
  if (news.any && !is_settling_) read_network_after(kSettle);
}

void MeshShell::read_network_after(std::chrono::milliseconds wait) {
  is_settling_ = true;
  settle_.expires_after(wait);
  settle_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    is_settling_ = false;
    read_network();
  });
}

void MeshShell::read_network() {
  const Result<io::NetworkState> read = monitor_.read();
  if (!read) {
    log_.warn("tunnel: cannot read the network's state reason=\"{}\"", read.error().detail);
    read_network_after(kTryAgain);
    return;
  }
  const bool is_same = *read == network_;
  network_ = *read;
  if (std::exchange(was_interrupted_, false) || !is_same) tell_network();
}

void MeshShell::tell_network() {
  if (port_v4_ == 0 && port_v6_ == 0) return;
  path::LocalNetwork network = to_path(network_);
  network.port_v4 = port_v4_;
  network.port_v6 = port_v6_;
  log_.info("tunnel: network addresses={} default_v4={} default_v6={}", network.addresses.size(),
            network.default_v4, network.default_v6);
  control_.on_network_change();
  tell([&](Paths& paths, TimePoint now) { paths.on_network(network, now); });
}

}  // namespace warren::tunnel
