#include "tunnel/worker.h"

#include <array>
#include <utility>
#include <variant>

namespace warren::tunnel {

namespace {

// Rounds before epoll is asked again: bounds how long a stop waits under full load.
constexpr int kRoundsPerWait = 64;  // spec: data-plane section 5.1

// What is ready, as epoll tells it. Packets need no tag of their own: a round looks everywhere.
enum Ready : std::uint64_t { Stop, Commands, Packets };

}  // namespace

Worker::Worker(Link& link,
               io::TunPort& tun,
               io::UdpPorts ports,
               bool use_gso,
               std::unique_ptr<PacketCipher> cipher,
               Counters& counters,
               const io::MonotonicClock& clock)
    : link_(link),
      tun_(tun),
      ports_(ports),
      cipher_(std::move(cipher)),
      counters_(counters),
      clock_(clock),
      topology_(link.topology),
      sender_(ports, use_gso),
      transmit_(link, tun, *cipher_, counters),
      forward_(link, transmit_, sender_, counters),
      receive_(link, tun, *cipher_, forward_, counters) {}

Result<void> Worker::run(const io::EventFd& stop) {
  WARREN_TRY(io::Epoll epoll, io::Epoll::create());
  WARREN_TRY_VOID(epoll.add(stop.fd(), EPOLLIN, Ready::Stop));
  WARREN_TRY_VOID(epoll.add(link_.to_worker.fd(), EPOLLIN, Ready::Commands));
  WARREN_TRY_VOID(epoll.add(tun_.fd(), EPOLLIN, Ready::Packets));
  for (const io::UdpPort* const port : {ports_.v4, ports_.v6}) {
    if (port != nullptr) WARREN_TRY_VOID(epoll.add(port->fd(), EPOLLIN, Ready::Packets));
  }
  while (!ended_) {
    bool more = true;
    for (int i = 0; more && i < kRoundsPerWait; ++i) more = round();
    if (!more) link_.reclaimer.offline();
    std::array<epoll_event, 8> ready{};
    for (const epoll_event& event : epoll.wait(ready, more ? 0 : -1)) {
      if (event.data.u64 == Ready::Stop) ended_ = true;
      if (event.data.u64 == Ready::Commands) link_.to_worker.consume();
    }
  }
  link_.reclaimer.offline();
  return {};
}

bool Worker::round() {
  link_.reclaimer.quiescent();
  topology_.refresh();
  if (topology_->filter) use_filter();
  const TimePoint now = clock_.now();
  run_commands(now);
  int device_error = 0;
  bool more = false;
  for (io::UdpPort* const port : {ports_.v4, ports_.v6}) {
    if (port != nullptr) more |= receive_.run(*port, *topology_, now, device_error);
  }
  if (link_.paths != nullptr) more |= receive_.run_relayed(*topology_, now, device_error);
  more |= transmit_.run(sender_, *topology_, now, device_error);
  if (device_error != 0) {
    fail(device_error);
    return false;
  }
  return more;
}

void Worker::use_filter() {
  policy::PacketFilter& filter = *link_.packet_filter;
  if (filter.filter() != topology_->filter) filter.set_filter(topology_->filter);
  counters_.count(Counter::FlowEvictions, filter.take_evictions());
}

void Worker::run_commands(TimePoint now) {
  while (const WorkerCommand* const command = link_.commands.front()) {
    if (const auto* const flush = std::get_if<Flush>(command)) {
      transmit_.flush_staged(*flush, sender_, *topology_, now);
    } else if (const auto* const drop = std::get_if<Drop>(command)) {
      transmit_.drop_staged(drop->peer);
    } else {
      sender_.on_network_change();
    }
    link_.commands.pop();
  }
}

void Worker::fail(int device_error) {
  ended_ = true;
  post(link_, counters_, DeviceFailed{device_error});
}

}  // namespace warren::tunnel
