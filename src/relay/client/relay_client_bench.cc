#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>

#include <poll.h>
#include <pthread.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

#include "crypto/system_random.h"
#include "io/clock.h"
#include "relay/client/client.h"
#include "relay/client/testing/test_relay.h"

// Ring to ring through a relay: one client's worker pushes data messages of 1452 bytes, as many as
// the window allows, and another's takes them. Prints Gbit/s of datagrams and the CPU of each
// thread.
//
//   relay_client_bench [SECONDS [WINDOW [PORT SHA256]]]
//
// Without a port the relay is a simple one in this process; with one it listens on 127.0.0.1 under
// a certificate with that hash, which covers that address.
namespace warren::relay::client {
namespace {

constexpr RegionId kRegion{1};
constexpr std::size_t kDatagram = 1452;  // 11 fill a record (spec: data-plane section 6)

struct Ups final : io::RelayPort::Listener {
  std::atomic<int> ups = 0;
  std::atomic<int> downs = 0;

  void on_relay_up(RegionId) override { ++ups; }

  void on_relay_down(RegionId) override { ++downs; }

  void on_peer_gone(const Route&) override {}

  void on_relay_measured(RegionId, std::optional<Duration>) override {}

  void on_relayed(const Route&, ByteView) override {}
};

bool wait(const io::EventFd& event) {
  pollfd ready{.fd = event.fd(), .events = POLLIN, .revents = 0};
  poll(&ready, 1, 10);
  return event.consume();
}

// Name and CPU seconds of every thread; those of one name together.
std::map<std::string, double> cpu_of_threads() {
  std::map<std::string, double> out;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream file(task.path() / "schedstat");
    std::ifstream name_file(task.path() / "comm");
    double nanoseconds = 0;
    std::string name;
    file >> nanoseconds;
    std::getline(name_file, name);
    out[name] += nanoseconds / 1e9;
  }
  return out;
}

int run(double seconds, std::size_t window, std::optional<Node> external) {
  SystemRandom random;
  boost::asio::io_context control;
  const auto work = boost::asio::make_work_guard(control);
  std::optional<testing::TestRelay> relay;
  if (!external) external = relay.emplace().node("in-process");
  auto map = std::make_shared<Map>();
  map->regions.push_back({.id = kRegion, .code = {}, .name = {}, .nodes = {*external}});

  Ups ups;
  const auto to_worker = io::EventFd::create().value();
  const auto start = [&](NodePrivateKey key) {
    const auto complain = [](RegionId, const Error& error) {
      fmt::print(stderr, "{}\n", error.detail);
    };
    auto client = Client::start(control.get_executor(), std::move(key),
                                {.mark = 0, .on_failure = complain}, random, Log::nowhere())
                      .value();
    client->attach(&ups, &to_worker);
    client->set_map(map);
    client->set_home(kRegion);
    return client;
  };
  auto sink_key = NodePrivateKey::generate(random);
  const Route to{.region = kRegion, .peer = sink_key.public_key()};
  auto sink = start(std::move(sink_key));
  auto source = start(NodePrivateKey::generate(random));
  while (ups.ups < 2) control.run_one();

  std::atomic<std::uint64_t> received = 0;
  std::atomic<bool> stop = false;
  std::thread taker([&] {
    pthread_setname_np(pthread_self(), "taker");
    io::DatagramRing& ring = sink->rings().inbound;
    while (!stop) {
      wait(to_worker);
      std::uint64_t count = 0;
      while (ring.next()) ++count;
      ring.release();
      received += count;
    }
  });
  std::uint64_t pushed = 0;
  std::uint64_t lost = 0;
  std::array<std::uint8_t, kDatagram> datagram{4};
  const auto before = cpu_of_threads();
  const TimePoint begun = io::boot_now();
  const TimePoint end =
      begun + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  TimePoint progress = begun;
  std::uint64_t seen = 0;
  while (io::boot_now() < end) {
    bool any = false;
    while (pushed - lost - received < window && source->rings().outbound.push(to, datagram)) {
      ++pushed;
      any = true;
    }
    if (any) source->to_relay().signal();
    if (const std::uint64_t now_seen = received; now_seen != seen) {
      seen = now_seen;
      progress = io::boot_now();
    } else if (io::boot_now() - progress > 100ms) {
      lost = pushed - received;  // dropped on the way
      progress = io::boot_now();
    }
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  const double took = std::chrono::duration<double>(io::boot_now() - begun).count();
  const std::uint64_t delivered = received;
  const auto after = cpu_of_threads();

  std::optional<ClientCounters> out;
  source->read_counters([&](const ClientCounters& counters) { out = counters; });
  std::optional<ClientCounters> in;
  sink->read_counters([&](const ClientCounters& counters) { in = counters; });
  while (!out || !in) control.run_one();
  stop = true;
  taker.join();
  fmt::print("{:.2f} Gbit/s, {} lost, {} reconnects\n",
             static_cast<double>(delivered) * kDatagram * 8 / 1e9 / took, lost, ups.downs.load());
  fmt::print("source: {} records of {} bytes, {} pushed out of the queue\n", out->loop.records_sent,
             out->loop.bytes_sent / std::max<std::uint64_t>(out->loop.records_sent, 1),
             out->loop.queue_full);
  fmt::print("sink: {} reads of {} bytes, {} beyond the ring\n", in->loop.reads,
             in->loop.bytes_received / std::max<std::uint64_t>(in->loop.reads, 1),
             in->loop.inbound_full);
  for (const auto& [name, cpu] : after) {
    const auto earlier = before.find(name);
    fmt::print("cpu {:<16} {:.2f}\n", name,
               (cpu - (earlier == before.end() ? 0 : earlier->second)) / took);
  }
  source->attach(nullptr, nullptr);
  sink->attach(nullptr, nullptr);
  return 0;
}

}  // namespace
}  // namespace warren::relay::client

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 5;
  const std::size_t window = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 150;
  std::optional<warren::relay::Node> external;
  if (argc > 4) {
    external.emplace();
    external->name = "external";
    external->host_name = "127.0.0.1";
    external->ipv4 = "127.0.0.1";
    external->ipv6 = "none";
    external->relay_port = static_cast<std::uint16_t>(std::strtoul(argv[3], nullptr, 10));
    external->cert_name = std::string("sha256-raw:") + argv[4];
  }
  return warren::relay::client::run(seconds, window, external);
}
