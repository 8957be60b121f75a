#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/log.h"
#include "io/event_fd.h"
#include "io/relay_port.h"
#include "io/run_blocking.h"
#include "io/spawn.h"
#include "io/tls_client.h"
#include "relay/client/dial.h"
#include "relay/client/engine.h"
#include "relay/client/send_queue.h"
#include "relay/client/upcalls.h"

namespace warren::relay::client {

// What the relay thread counts. Drops first.
struct LoopCounters {
  std::uint64_t no_region = 0;      // packets to a region that the map does not have
  std::uint64_t queue_full = 0;     // the oldest of a region that does not take them fast enough
  std::uint64_t not_connected = 0;  // waited for a connection that could not be made
  std::uint64_t over_rate = 0;      // beyond what the server allows
  std::uint64_t inbound_full = 0;   // the worker does not take them fast enough
  std::uint64_t upcalls_full = 0;   // the control strand does not take them fast enough
  std::uint64_t answers_full = 0;   // pongs that the relay does not read
  std::uint64_t packets_sent = 0;   // given to a region's queue
  std::uint64_t records_sent = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t packets_received = 0;
  std::uint64_t reads = 0;
  std::uint64_t bytes_received = 0;
};

// All that the relay thread does; its methods are called on that thread only.
//
// Packets go from the ring into a queue for each region at once, whatever the state of its
// connection, and from there into records while its socket takes them. So the ring's head never
// waits for a stalled region, and a full queue pushes out its own oldest packets.
class Loop {
 public:
  struct Setup {
    NodePrivateKey key;
    Random& random;
    Log log;
    std::uint32_t mark = 0;
    io::RelayRings& rings;
    const io::EventFd& to_relay;
    std::shared_ptr<Upcalls> upcalls;
    io::TlsContext tls;
  };

  // The references of `setup` and `context` outlive the loop.
  Loop(boost::asio::io_context& context, Setup setup);
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop();

  void start();
  // Ends all that waits; the context runs out of work.
  void stop();

  void set_to_worker(std::optional<io::EventFd> to_worker) { to_worker_ = std::move(to_worker); }

  void set_map(std::shared_ptr<const Map> map);
  void set_home(RegionId region);
  void send(const Route& to, ByteView datagram);
  void check(RegionId region);
  void measure(RegionId region);
  void on_network_change();

  const LoopCounters& counters() const { return counters_; }

  const Engine& engine() const { return engine_; }

 private:
  // What waits for a region and, while there is one, its connection.
  struct Link {
    explicit Link(RegionId of) : region(of) {}

    const RegionId region;
    SendQueue queue;
    std::unique_ptr<io::TlsClient> tls;
    AttemptId attempt;                              // of `tls`
    std::array<std::uint8_t, kMaxRecord> record{};  // being written
    std::size_t record_size = 0;
    bool is_full = false;     // the socket takes nothing
    bool is_touched = false;  // something new is in the queue
    std::string failure;      // the last that was reported, until it is up
  };

  using LinkPtr = std::shared_ptr<Link>;

  Link& link_of(RegionId region);
  LinkPtr find_link(RegionId region) const;

  // Handlers end with it: performs what the engine asks for, writes what can be written, and sets
  // the timer.
  void settle();
  void perform(const Action& action);
  void connect(const Connect& action);
  boost::asio::awaitable<void> run_dial(Connect action);
  boost::asio::awaitable<void> run_measure(RegionId region, Node node);
  void close(Link& link);
  void lost(Link& link);
  void closed_by_relay(Link& link);
  void report(RegionId region, Error error);

  void wait_outbound();
  void take_outbound();
  void enqueue(const Route& to, ByteView datagram, Urgency urgency);
  void flush(Link& link);
  void wait_writable(Link& link);
  void wait_readable(const LinkPtr& link);
  void read(const LinkPtr& link);
  // False when no more can be read now.
  bool read_some(Link& link, std::size_t& budget);
  void take_packets(RegionId region);

  void arm_timer();

  boost::asio::io_context& context_;
  Setup setup_;
  LoopCounters counters_;
  Engine engine_;
  Actions actions_;
  TimePoint now_;  // of the handler that runs
  std::vector<LinkPtr> links_;
  std::optional<io::EventFd> to_worker_;
  bool stopped_ = false;

  std::size_t dialing_ = 0;
  std::vector<RegionId> measuring_;

  boost::asio::posix::stream_descriptor outbound_;
  boost::asio::steady_timer timer_;
  TimePoint armed_ = kNever;
  io::Tasks tasks_;
  std::optional<io::BlockingPool> lookups_;
};

}  // namespace warren::relay::client
