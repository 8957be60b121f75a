#include "main/server/hub.h"

#include <array>
#include <cerrno>
#include <utility>

#include <fcntl.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "base/hex.h"
#include "base/json_object.h"
#include "crypto/key_text.h"
#include "io/clock.h"
#include "io/file_descriptor.h"
#include "io/privileges.h"
#include "node/names.h"
#include "node/state_file.h"

namespace warren::server {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::seconds kTryAgain{15};
constexpr const char* kTunPath = "/dev/net/tun";

// What a hub needs of the machine, before anything is begun.
Result<void> check_machine() {
  const io::FileDescriptor tun(open(kTunPath, O_RDWR | O_CLOEXEC));
  if (!tun.is_open()) {
    return with_context("stock WireGuard devices need /dev/net/tun on the server",
                        errno_error("open it", errno));
  }
  if (!io::may_administer_network()) {
    return fail(Errc::PermissionDenied,
                "stock WireGuard devices need a TUN device on the server, and the server has no "
                "CAP_NET_ADMIN to make it: run it from its systemd unit, as root, or in a "
                "container with --cap-add NET_ADMIN");
  }
  return {};
}

std::string address_json(const std::vector<IpAddress>& addresses) {
  std::string out;
  for (const IpAddress& address : addresses) {
    out += fmt::format("{}\"{}\"", out.empty() ? "" : ",", address.to_string());
  }
  return "[" + out + "]";
}

std::string drops_json(const tunnel::CounterSnapshot& counters) {
  json::ObjectText out;
  for (std::size_t i = 0; i < tunnel::kDropReasonCount; ++i) {
    if (counters.drops.at(i) == 0) continue;
    out.number(to_string(static_cast<tunnel::DropReason>(i)),
               static_cast<std::int64_t>(counters.drops.at(i)));
  }
  return out.done();
}

}  // namespace

Result<MachinePublicKey> hub_machine_key(const std::string& state_directory, Random& random) {
  WARREN_TRY(const node::NodeState state, node::load_or_make_state(state_directory, random));
  return state.machine_key.public_key();
}

Hub::Hub(const asio::any_io_executor& executor,
         HubOptions options,
         Random& random,
         const WallClock& wall_clock,
         Log& log)
    : executor_(executor),
      options_(std::move(options)),
      random_(random),
      wall_clock_(wall_clock),
      log_(log),
      retry_(executor),
      changed_(executor) {}

Hub::~Hub() = default;

void Hub::start() {
  if (std::exchange(is_wanted_, true)) return;
  try_to_start();
}

void Hub::try_to_start() {
  const auto opened = open();
  const std::string before = std::exchange(problem_, opened ? "" : opened.error().detail);
  changed_.cancel();
  if (opened) return;
  if (problem_ != before) log_.warn("server: no hub: {}", problem_);
  retry_.expires_after(kTryAgain);
  retry_.async_wait([this](boost::system::error_code cancelled) {
    if (!cancelled) try_to_start();
  });
}

Result<void> Hub::open() {
  WARREN_TRY_VOID(check_machine());
  if (!daemon_) WARREN_TRY_VOID(make_daemon());
  node::StartRequest request;
  request.prefs.control_url = "https://" + options_.server.to_string();
  request.prefs.want_running = true;
  request.prefs.hostname = "hub";
  request.server_key = options_.server_key;
  return daemon_->start(request);
}

Result<void> Hub::make_daemon() {
  node::DaemonOptions options;
  options.state_directory = options_.state_directory;
  options.overlay.device = options_.device;
  options.overlay.port = options_.port;
  options.overlay.is_port_fixed = true;
  // Devices ask the hub for names. This machine's own name resolution stays as it is.
  node::NamesOptions names;
  node::DnsHost& machine = names.host.emplace();
  machine.state_directory = options_.state_directory;
  machine.is_foreign = true;
  names.serves_own_addresses = true;
  WARREN_TRY(daemon_,
             node::Daemon::start(executor_, options, random_, wall_clock_, log_, std::move(names)));
  daemon_->watch([this](const node::Notice&) { changed_.cancel(); });
  return {};
}

bool Hub::is_up() const {
  return daemon_ && daemon_->state() == node::BackendState::Running &&
         daemon_->overlay() != nullptr;
}

std::string Hub::problem() const {
  if (!is_wanted_ || !daemon_) return problem_;
  if (is_up()) return {};
  const std::vector<std::string> health = daemon_->health();
  return health.empty() ? std::string() : health.front();
}

asio::awaitable<void> Hub::settle(Duration limit) {
  const TimePoint end = io::boot_now() + limit;
  while (is_wanted_ && !is_up() && problem().empty() && io::boot_now() < end) {
    changed_.expires_after(std::chrono::nanoseconds(end - io::boot_now()));
    co_await changed_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

std::string Hub::json() const {
  json::ObjectText out;
  const std::vector<std::string> health = is_up() ? daemon_->health() : std::vector<std::string>();
  const std::string why = health.empty() ? problem() : health.front();
  out.text("state", is_up()       ? "up"
                    : !is_wanted_ ? "off"
                    : why.empty() ? "starting"
                                  : "failed")
      .text("problem", why)
      .text("device", options_.device)
      .number("port", options_.port);
  if (!daemon_) return out.done();
  const node::Status status = daemon_->status(false);
  out.json("addresses", address_json(status.overlay_ips));
  if (status.self) out.text("public_key", to_base64(status.self->public_key.bytes()));
  if (!daemon_->overlay()) return out.done();
  const tunnel::CounterSnapshot counters = daemon_->overlay()->tunnel().counters();
  const auto count = [&](tunnel::Counter counter) {
    return static_cast<std::int64_t>(counters[counter]);
  };
  out.number("forwarded_packets", count(tunnel::Counter::ForwardedPackets))
      .number("forwarded_bytes", count(tunnel::Counter::ForwardedBytes))
      .json("drops", drops_json(counters))
      .json("peers", peers_json());
  return out.done();
}

std::string Hub::peers_json() const {
  std::string out;
  for (const auto& [key, peer] : daemon_->status(true).peers) {
    const control::Node* const node = daemon_->map().find(peer.node_id);
    if (!out.empty()) out += ',';
    out += json::ObjectText()
               .text("name", peer.dns_name.substr(0, peer.dns_name.find('.')))
               .boolean("is_device", node != nullptr && node->is_wireguard_only)
               .json("addresses", address_json(peer.overlay_ips))
               .boolean("online", peer.online)
               .text("endpoint", peer.cur_addr)
               .time("last_handshake", peer.last_handshake)
               .number("rx_bytes", peer.rx_bytes)
               .number("tx_bytes", peer.tx_bytes)
               .done();
  }
  return "[" + out + "]";
}

void Hub::add_metrics(std::vector<io::Metric>& out) const {
  out.push_back({.name = "warren_hub_up",
                 .help = "Whether stock WireGuard devices are carried",
                 .kind = io::MetricKind::Gauge,
                 .value = is_up() ? 1.0 : 0.0});
  if (!daemon_ || !daemon_->overlay()) return;
  const tunnel::CounterSnapshot counters = daemon_->overlay()->tunnel().counters();
  const auto add = [&](const char* name, const char* help, tunnel::Counter counter) {
    out.push_back({.name = name,
                   .help = help,
                   .kind = io::MetricKind::Counter,
                   .value = static_cast<double>(counters[counter])});
  };
  add("warren_hub_forwarded_packets_total", "Packets carried from peer to peer",
      tunnel::Counter::ForwardedPackets);
  add("warren_hub_forwarded_bytes_total", "Bytes of these packets",
      tunnel::Counter::ForwardedBytes);
  for (std::size_t i = 0; i < tunnel::kDropReasonCount; ++i) {
    out.push_back({.name = "warren_hub_dropped_packets_total",
                   .help = "Packets that the hub dropped",
                   .kind = io::MetricKind::Counter,
                   .value = static_cast<double>(counters.drops.at(i)),
                   .label = "reason",
                   .label_value = std::string(to_string(static_cast<tunnel::DropReason>(i)))});
  }
}

asio::awaitable<void> Hub::stop() {
  is_wanted_ = false;
  retry_.cancel();
  changed_.cancel();
  if (daemon_) co_await daemon_->stop();
  daemon_.reset();
}

}  // namespace warren::server
