#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "base/log.h"
#include "base/random.h"
#include "io/byte_stream.h"
#include "io/http_routes.h"
#include "io/spawn.h"
#include "relay/hub.h"

namespace warren::relay {

struct ServiceOptions {
  Limits limits;
  Duration tick = 1s;  // how late a deadline may be noticed
  // A receiver whose socket takes nothing for so long is gone: as the user timeout (paths 2.5).
  // A stock server's 2 s cut off slow ones (paths 9.5).
  Duration write_timeout = 15s;
};

struct ServiceCounters {
  std::uint64_t upgrades_refused = 0;  // no upgrade asked for, or one that we do not serve
  std::uint64_t write_timeouts = 0;
};

// Serves DERP on connections that somebody else has accepted: a handler behind a listener. It moves
// bytes between their streams and the hub. All of it runs on one strand, one loop's thread.
//
// What arrives is read and routed for as long as there is something, at most kReadBudget at a time;
// then each receiver that got something is written to, up to 64 KiB of frames at once. A socket
// that takes no more is waited for, while the packets wait, and are dropped, in the hub.
class Service {
 public:
  // `random` outlives the service.
  Service(const boost::asio::any_io_executor& executor,
          RelayPrivateKey key,
          const ServiceOptions& options,
          Random& random,
          Log log);
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  ~Service();

  // Serves a request for /derp until the connection ends. The service outlives the task.
  boost::asio::awaitable<void> serve(io::HttpConnection connection);

  void set_members(std::shared_ptr<const Members> members);
  void set_health(std::string problem);
  // Tells everyone to come back, over a time that suits their number; new ones are refused.
  void announce_restart();
  // Closes all connections; their tasks end soon.
  void close();
  // Waits for the service's own task to end: then it may be destroyed, when those of its
  // connections have ended too.
  boost::asio::awaitable<void> stop();

  const Hub& hub() const { return hub_; }

  const ServiceCounters& counters() const { return counters_; }

  std::size_t sessions() const { return sessions_.size(); }

  bool is_writing() const;  // some receiver's socket is full

 private:
  struct Session;
  using SessionPointer = std::shared_ptr<Session>;
  using WaitType = boost::asio::ip::tcp::socket::wait_type;

  enum class Receive : std::uint8_t { Wait, GoOn, Ended };

  boost::asio::awaitable<void> run(SessionPointer session);
  boost::asio::awaitable<void> keep_time();
  void accept(Session& session, ByteView bytes);
  Receive receive(Session& session, WaitType& wait_for);
  void perform();
  void flush(const SessionPointer& session);
  bool has_taken(const SessionPointer& session, io::ByteStream::Status status);
  void wait_to_write(const SessionPointer& session);
  void close_session(Session& session) const;
  void check_writers(TimePoint now);

  ServiceOptions options_;
  Log log_;
  Hub hub_;
  Actions actions_;
  ServiceCounters counters_;
  std::vector<std::uint8_t> batch_;  // being built
  std::unordered_map<ConnectionId, SessionPointer> sessions_;
  io::Tasks tasks_;
};

}  // namespace warren::relay
