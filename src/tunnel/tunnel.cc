#include "tunnel/tunnel.h"

#include <optional>
#include <utility>

#include <fcntl.h>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "io/clock.h"
#include "io/thread.h"
#include "io/timer_fd.h"
#include "io/tun_probe.h"
#include "io/udp_socket_pair.h"
#include "tunnel/control.h"
#include "tunnel/mesh_shell.h"
#include "tunnel/worker.h"

namespace warren::tunnel {

namespace {

using boost::asio::posix::descriptor_base;
using boost::asio::posix::stream_descriptor;

// Asio closes what it is given, so it gets a descriptor of its own.
int duplicate(int fd) {
  return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

class TunnelImpl final : public Tunnel {
 public:
  TunnelImpl(const boost::asio::any_io_executor& control,
             std::unique_ptr<io::TunDevice> tun,
             const Options& options,
             std::unique_ptr<Control> slow_path,
             io::TimerFd timer,
             Log& log)
      : options_(options),
        log_(log),
        tun_(std::move(tun)),
        control_(std::move(slow_path)),
        timer_fd_(std::move(timer)),
        wake_(control, duplicate(control_->link().to_control.fd())),
        timer_(control, duplicate(timer_fd_.fd())) {
    control_->set_mtu(options.mtu);
    control_->set_local_addresses({}, {.tcp = tun_->offloads().tcp, .udp = tun_->offloads().udp});
  }

  TunnelImpl(const TunnelImpl&) = delete;
  TunnelImpl& operator=(const TunnelImpl&) = delete;

  ~TunnelImpl() override {
    const bool started = worker_ != nullptr;
    stop_worker();
    if (started) log_totals();
  }

  Result<void> open(const boost::asio::any_io_executor& control, io::RelayPort* relay) {
    if (relay != nullptr) {
      WARREN_TRY(mesh_, MeshShell::start(
                            control, *control_, *relay,
                            {.excluded_link = tun_->index(), .mark = options_.mark},
                            [this] { arm_timer(); }, log_));
    }
    WARREN_TRY_VOID(bind(options_.listen_port));
    WARREN_TRY_VOID(start_worker());
    log_facts();
    wait_for_worker();
    wait_for_timer();
    return {};
  }

  void configure(const Change& change) override {
    control_->configure(change, clock_.now());
    arm_timer();
  }

  const wg::Engine& engine() const override { return control_->engine(); }

  Mesh* mesh() override { return mesh_.get(); }

  std::uint16_t listen_port() const override { return sockets_.port; }

  std::uint32_t mark() const override { return options_.mark; }

  Result<void> set_listen_port(std::uint16_t port) override {
    if (port == sockets_.port) return {};
    // Both may not hold a port at once, so the old one is given up only when the new one is ours.
    WARREN_TRY(io::UdpSocketPair sockets, bind_pair(port));
    stop_worker();
    use(std::move(sockets));
    return start_worker();
  }

  Result<void> set_mark(std::uint32_t mark) override {
    for (io::UdpSocket* const socket : {sockets_.v4.get(), sockets_.v6.get()}) {
      if (socket != nullptr) WARREN_TRY_VOID(socket->set_mark(mark));
    }
    options_.mark = mark;
    if (mesh_) mesh_->set_mark(mark);
    return {};
  }

  void set_mtu(unsigned mtu) override { control_->set_mtu(mtu); }

  void set_local_addresses(std::vector<IpAddress> addresses) override {
    // Some kernels reject what they advertise; asked anew with each change, since only a device
    // that is up can tell.
    const io::TunOffloads accepted = io::probe_coalescing(*tun_, addresses);
    if (accepted != tun_->offloads() && !warned_of_offloads_) {
      warned_of_offloads_ = true;
      log_.warn(
          "tunnel: this kernel rejects offloads that it advertises, receiving is slower tcp={} "
          "udp={}",
          accepted.tcp, accepted.udp);
    }
    control_->set_local_addresses(std::move(addresses), {.tcp = accepted.tcp, .udp = accepted.udp});
  }

  void set_filter(std::shared_ptr<const policy::Filter> filter) override {
    control_->set_filter(std::move(filter));
  }

  void set_forwarding(bool on) override { control_->set_forwarding(on); }

  std::vector<policy::DropRecord> filter_drops() const override {
    const auto& filter = control_->link().packet_filter;
    return filter ? filter->drops().read() : std::vector<policy::DropRecord>();
  }

  Facts facts() const override {
    return {.cipher = cipher_name_,
            .tun = tun_->offloads(),
            .v4 = sockets_.v4 ? sockets_.v4->facts() : io::UdpSocket::Facts{},
            .has_v6 = sockets_.v6 != nullptr};
  }

  CounterSnapshot counters() const override {
    CounterSnapshot sum = ended_workers_;
    counters_.add_to(sum);
    if (worker_) add_sender_stats(sum);
    return sum;
  }

  void observe(Observer observer) override { control_->observe(std::move(observer)); }

 private:
  Result<io::UdpSocketPair> bind_pair(std::uint16_t port) const {
    return io::bind_udp_pair({.port = port, .mark = options_.mark, .use_gro = options_.udp_gro});
  }

  Result<void> bind(std::uint16_t port) {
    WARREN_TRY(io::UdpSocketPair sockets, bind_pair(port));
    if (!sockets.note.empty()) log_.info("tunnel: IPv4 only outside reason=\"{}\"", sockets.note);
    use(std::move(sockets));
    return {};
  }

  void use(io::UdpSocketPair sockets) {
    sockets_ = std::move(sockets);
    control_->set_ports(sockets_.ports());
    if (mesh_) mesh_->set_sockets(sockets_);
  }

  Result<void> start_worker() {
    WARREN_TRY(std::unique_ptr<PacketCipher> cipher, create_packet_cipher(options_.cipher));
    cipher_name_ = cipher->name();
    worker_ = std::make_unique<Worker>(control_->link(), *tun_, sockets_.ports(),
                                       options_.udp_gso && sockets_.v4->facts().gso,
                                       std::move(cipher), counters_, clock_);
    WARREN_TRY(io::Thread thread,
               io::Thread::start("warren-worker", [this](const io::EventFd& stop) {
                 if (const Result<void> ran = worker_->run(stop); !ran)
                   log_.error("tunnel: {}", ran.error().detail);
               }));
    thread_.emplace(std::move(thread));
    return {};
  }

  void stop_worker() {
    thread_.reset();  // waits for its end
    if (worker_) add_sender_stats(ended_workers_);
    worker_.reset();
  }

  void add_sender_stats(CounterSnapshot& sum) const {
    const io::UdpSenderStats& stats = worker_->sender_stats();
    const auto add = [](std::uint64_t& to, const std::atomic<std::uint64_t>& value) {
      to += value.load(std::memory_order_relaxed);
    };
    add(sum[DropReason::SendBuffer], stats.send_buffer);
    add(sum[DropReason::SendError], stats.send_errors);
    add(sum[DropReason::SendError], stats.forbidden);
    add(sum[DropReason::GsoRetry], stats.gso_retries);
    add(sum[Counter::UdpMessagesSent], stats.messages);
    add(sum[Counter::UdpDatagramsSent], stats.datagrams);
  }

  void log_facts() {
    const Facts now = facts();
    log_.info(
        "tunnel: started port={} ipv6={} cipher={} tun_tcp={} tun_udp={} udp_gso={} udp_gro={} "
        "receive_buffer={}",
        sockets_.port, now.has_v6, now.cipher, now.tun.tcp, now.tun.udp,
        options_.udp_gso && now.v4.gso, now.v4.gro, now.v4.receive_buffer);
  }

  void log_totals() {
    const CounterSnapshot sum = counters();
    std::string drops;
    for (std::size_t i = 0; i < kDropReasonCount; ++i) {
      if (sum.drops[i] > 0)
        drops += fmt::format(" {}={}", to_string(static_cast<DropReason>(i)), sum.drops[i]);
    }
    log_.info("tunnel: ended sent={} received={} dropped:{}", sum[Counter::UdpDatagramsSent],
              sum[Counter::UdpDatagramsReceived], drops.empty() ? " nothing" : drops);
  }

  void wait_for_worker() {
    wake_.async_wait(descriptor_base::wait_read, [this](boost::system::error_code error) {
      if (error) return;  // the tunnel is going
      control_->link().to_control.consume();
      control_->on_worker(clock_.now());
      arm_timer();
      wait_for_worker();
    });
  }

  void wait_for_timer() {
    timer_.async_wait(descriptor_base::wait_read, [this](boost::system::error_code error) {
      if (error) return;
      timer_fd_.consume();
      armed_ = kNever;
      if (mesh_) mesh_->check_sleep();
      control_->on_timeout(clock_.now());
      arm_timer();
      wait_for_timer();
    });
  }

  void arm_timer() {
    const TimePoint next = control_->next_timeout(clock_.now());
    if (next == armed_) return;
    timer_fd_.arm(next);
    armed_ = next;
  }

  Options options_;
  Log& log_;
  io::BootTime clock_;
  Counters counters_;
  CounterSnapshot ended_workers_;  // what their senders counted
  bool warned_of_offloads_ = false;
  std::unique_ptr<io::TunDevice> tun_;
  io::UdpSocketPair sockets_;
  std::unique_ptr<Control> control_;
  io::TimerFd timer_fd_;
  TimePoint armed_ = kNever;
  stream_descriptor wake_;
  stream_descriptor timer_;
  std::unique_ptr<MeshShell> mesh_;  // null: plain WireGuard
  std::string_view cipher_name_;
  std::unique_ptr<Worker> worker_;
  std::optional<io::Thread> thread_;  // uses all of the above
};

}  // namespace

Result<std::unique_ptr<Tunnel>> Tunnel::start(const boost::asio::any_io_executor& control,
                                              std::unique_ptr<io::TunDevice> tun,
                                              const Options& options,
                                              Random& random,
                                              const WallClock& wall_clock,
                                              Log& log,
                                              std::optional<MeshOptions> mesh) {
  io::RelayPort* const relay = mesh ? mesh->relay : nullptr;
  WARREN_TRY(std::unique_ptr<Control> slow_path,
             Control::create(random, wall_clock, log, std::move(mesh)));
  WARREN_TRY(io::TimerFd timer, io::TimerFd::create());
  auto tunnel = std::make_unique<TunnelImpl>(control, std::move(tun), options, std::move(slow_path),
                                             std::move(timer), log);
  WARREN_TRY_VOID(tunnel->open(control, relay));
  return tunnel;
}

}  // namespace warren::tunnel
