#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/object.hpp>

#include "base/log.h"
#include "base/random.h"
#include "base/result.h"
#include "relay/client/client.h"

namespace warren::e2e {

// Our relay client, driven by lines: commands on standard input, events on standard output. The
// table is in test/compat/README.md. It is used as a node uses it: what a worker would send goes
// through the ring, what a control strand would send does not.
class RelayClientDriver final : io::RelayPort::Listener {
 public:
  struct Options {
    relay::Node relay;
    NodePrivateKey key;
  };

  // References outlive the object.
  RelayClientDriver(Random& random, Log& log);
  ~RelayClientDriver() override;

  Result<void> start(Options options);

  // Until it is told to quit, or the input ends.
  void run() { loop_.run(); }

 private:
  // A ping under way. Those that the client sends of its own accord count like ours, so it is over
  // when one that was sent after the command is answered.
  struct Ping {
    TimePoint begun;
    std::optional<std::uint64_t> sent_before;
  };

  // --- Listener
  void on_relay_up(relay::RegionId region) override;
  void on_relay_down(relay::RegionId region) override;
  void on_peer_gone(const relay::Route& peer) override;
  void on_relay_measured(relay::RegionId region, std::optional<Duration> latency) override;
  void on_relayed(const relay::Route& from, ByteView datagram) override;

  // --- what comes for the worker
  void wait_for_worker();
  void take_inbound();

  // --- commands
  void wait_for_commands();
  // False: quit.
  bool obey(std::string_view line);
  std::optional<std::string_view> send(std::string_view to, std::string_view hex);
  void begin_ping();
  void watch_ping(const relay::client::ClientCounters& counters);

  void report_received(const relay::Route& from, ByteView packet);

  Random& random_;
  Log& log_;
  boost::asio::io_context loop_{1};
  boost::asio::posix::stream_descriptor input_;
  boost::asio::posix::stream_descriptor inbound_;
  boost::asio::steady_timer timer_;
  std::optional<io::EventFd> to_worker_;
  std::unique_ptr<relay::client::Client> client_;
  std::string received_;
  std::uint64_t generation_ = 0;
  bool is_up_ = false;
  std::uint64_t never_answered_ = 0;  // pings of connections that were lost
  std::optional<Ping> ping_;
};

}  // namespace warren::e2e
