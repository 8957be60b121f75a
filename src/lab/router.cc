#include "lab/router.h"

#include <array>
#include <cerrno>
#include <utility>

#include "io/clock.h"
#include "proto/ip/headers.h"

namespace warren::lab {

namespace {

constexpr std::uint64_t kTimerTag = ~std::uint64_t{0};  // no host's index
constexpr std::size_t kEventsPerTurn = 64;
constexpr int kTurnsPerWait = 16;  // bounds how long commands wait under full load
constexpr int kReadsPerTurn = 32;  // bounds how long the other hosts wait

}  // namespace

Router::Router(boost::asio::io_context& loop, const Topology& topology, Log& log)
    : log_(log), ready_(loop), packet_(ip::kMaxPacketSize) {
  for (const auto& [name, router] : topology.routers) gateways_[name] = router.addresses;
}

Result<std::unique_ptr<Router>> Router::create(boost::asio::io_context& loop,
                                               const Topology& topology,
                                               Log& log) {
  std::unique_ptr<Router> out(new Router(loop, topology, log));
  WARREN_TRY_VOID(out->open(topology));
  return out;
}

Result<void> Router::open(const Topology& topology) {
  WARREN_TRY(network_, Network::create(topology, *this));
  WARREN_TRY(io::Epoll epoll, io::Epoll::create());
  WARREN_TRY(io::TimerFd timer, io::TimerFd::create());
  epoll_ = std::make_unique<io::Epoll>(std::move(epoll));
  timer_ = std::make_unique<io::TimerFd>(std::move(timer));
  WARREN_TRY_VOID(epoll_->add(timer_->fd(), EPOLLIN, kTimerTag));
  for (const auto& [name, config] : topology.hosts) {
    WARREN_TRY(auto device, HostDevice::open(name, config, gateways_[config.uplink.behind]));
    const auto index = network_->find(name);
    if (!index) continue;  // it has made one for each
    WARREN_TRY_VOID(epoll_->add(device->tun().fd(), EPOLLIN, *index));
    hosts_.emplace(*index, Host{name, config.uplink.behind, std::move(device)});
  }
  boost::system::error_code error;
  ready_.assign(epoll_->fd(), error);
  if (error) return unexpected(errno_error("watch the devices", error.value()));
  return {};
}

void Router::stop() {
  boost::system::error_code ignored;
  ready_.cancel(ignored);
}

void Router::wait() {
  arm();
  ready_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                    [this](boost::system::error_code error) {
                      if (error) return;  // stopped
                      for (int i = 0; i < kTurnsPerWait && turn(); ++i) {
                      }
                      wait();
                    });
}

// False when there was nothing to do.
bool Router::turn() {
  network_->on_timeout(io::boot_now());
  arm();
  std::array<epoll_event, kEventsPerTurn> events{};
  const auto ready = epoll_->wait(events, 0);
  for (const epoll_event& event : ready) {
    const std::uint64_t tag = io::tag_of(event);
    if (tag == kTimerTag) {
      timer_->consume();
      armed_ = kNever;
    } else {
      const auto index = static_cast<NodeIndex>(tag);
      read_from(index, hosts_.at(index));
    }
  }
  return !ready.empty();
}

void Router::read_from(NodeIndex index, Host& host) {
  std::array<std::uint8_t, virtio::kNetHeaderSize> header{};
  for (int i = 0; i < kReadsPerTurn; ++i) {
    const ssize_t size = host.device->tun().read(header, packet_);
    if (size == -EAGAIN) return;
    if (size < 0) {
      // Somebody has deleted it: else epoll would never rest.
      log_.warn("lab: device is gone host={} reason=\"{}\"", host.name,
                errno_error("read", static_cast<int>(-size)).detail);
      host.is_gone = true;
      if (auto removed = epoll_->remove(host.device->tun().fd()); !removed) {
        log_.error("lab: {}", removed.error().detail);
      }
      return;
    }
    const auto decoded = virtio::decode_net_header(header);
    // After the read: a delay that began before the packet was sent would end too early.
    const TimePoint now = io::boot_now();
    network_->on_timeout(now);
    if (decoded) {
      network_->on_packet(index, *decoded,
                          MutableByteView(packet_).first(static_cast<std::size_t>(size)), now);
    }
  }
}

bool Router::deliver(NodeIndex host, const virtio::NetHeader& header, ByteView packet) {
  std::array<std::uint8_t, virtio::kNetHeaderSize> encoded{};
  virtio::encode_net_header(encoded, header);
  // writev() takes what it only reads as not const.
  const iovec parts[] = {{encoded.data(), encoded.size()},
                         {const_cast<std::uint8_t*>(packet.data()), packet.size()}};
  const Host& to = hosts_.at(host);
  return !to.is_gone && to.device->tun().write(parts) == 0;
}

void Router::arm() {
  const TimePoint next = network_->next_timeout();
  if (next == armed_) return;
  timer_->arm(next);
  armed_ = next;
}

Router::Host* Router::find(std::string_view name) {
  const auto index = network_->find(name);
  const auto at = index ? hosts_.find(*index) : hosts_.end();
  return at == hosts_.end() ? nullptr : &at->second;
}

Result<boost::json::object> Router::perform(const Command& command) {
  if (std::holds_alternative<GetCounters>(command)) {
    boost::json::object out;
    out["nodes"] = to_json(network_->counters());
    return out;
  }
  const auto done = std::visit(
      [this]<class T>(const T& x) -> Result<void> {
        if constexpr (std::is_same_v<T, GetCounters>) {
          return {};
        } else {
          return do_command(x);
        }
      },
      command);
  if (!done) return unexpected(done.error());
  return boost::json::object();
}

Result<void> Router::do_command(const SetLink& command) {
  for (const Way way : {Way::Up, Way::Down}) {
    const auto& one = way == Way::Up ? command.up : command.down;
    const auto& quality = one ? one : command.both;
    if (quality) WARREN_TRY_VOID(network_->set_quality(command.of, way, *quality));
  }
  return {};
}

Result<void> Router::do_command(const SetLinkState& command) {
  return network_->set_link_state(command.of, command.state);
}

Result<void> Router::do_command(const Forget& command) {
  return network_->forget(command.router);
}

Result<void> Router::do_command(const SetExternal& command) {
  return network_->set_external(command.router, command.addresses);
}

Result<void> Router::do_command(const SetBlock& command) {
  return network_->set_block(command.of, command.what);
}

Result<void> Router::do_command(const Move& command) {
  Host* const host = find(command.host);
  if (host == nullptr) {
    return fail(Errc::NotFound, "there is no host \"" + command.host + "\"");
  }
  const std::string behind = command.behind.value_or(host->behind);
  const auto addresses = command.addresses.value_or(host->device->addresses());
  WARREN_TRY_VOID(network_->move(command.host, behind, addresses));
  host->behind = behind;
  return host->device->set_addresses(addresses, gateways_[behind]);
}

}  // namespace warren::lab
