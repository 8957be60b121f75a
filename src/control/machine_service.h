#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/ip_address.h"
#include "base/log.h"
#include "base/random.h"
#include "base/time.h"
#include "control/core/actions.h"
#include "control/core/engine.h"
#include "control/machine_session.h"
#include "crypto/keys.h"
#include "io/http_routes.h"
#include "io/spawn.h"

namespace warren::control {

struct MachineLimits {
  SessionLimits session;
  std::size_t connections = 30'000;  // a node may have several (spec: control section 3.1)
  // Of keys that belong to no node; the oldest gives way.
  std::size_t strangers = 1024;
  std::size_t strangers_per_source = 32;  // /32 and /64 (spec: server section 7.6)
  // A socket that takes nothing for so long is dead.
  Duration write_timeout = 15s;
  Duration tick = 1s;  // how late a deadline may be noticed
};

struct MachineCounters {
  std::uint64_t accepted = 0;
  std::uint64_t refused_upgrades = 0;     // malformed
  std::uint64_t failed_handshakes = 0;    // not for our key, or forged
  std::uint64_t refused_connections = 0;  // too many, or we stop
  std::uint64_t evicted = 0;              // strangers that gave way
  std::uint64_t broken = 0;               // no records, no HTTP/2, or a flood
  std::uint64_t timeouts = 0;             // a deadline of SessionLimits
  std::uint64_t write_timeouts = 0;
  SessionCounters sessions;  // of those that ended
};

// The connections of machines behind /ts2021: it shakes hands, moves bytes between their streams
// and sessions, and passes requests on under numbers of its owner. One strand.
class MachineService {
 public:
  class Owner {
   public:
    virtual RequestId new_request() = 0;
    virtual void on_request(Request request) = 0;
    virtual void on_request_gone(RequestId request) = 0;
    virtual void on_drained(RequestId request) = 0;
    virtual bool is_member(const MachinePublicKey& machine) const = 0;

   protected:
    ~Owner() = default;
  };

  // `random` and `owner` outlive the service.
  MachineService(const boost::asio::any_io_executor& executor,
                 MachinePrivateKey key,
                 const MachineLimits& limits,
                 Random& random,
                 Owner& owner,
                 Log log);
  MachineService(const MachineService&) = delete;
  MachineService& operator=(const MachineService&) = delete;
  ~MachineService();

  // Begins to watch deadlines. Then stop() comes before the destruction.
  void start();

  // Serves a request for /ts2021 until the connection ends. The service outlives the task.
  boost::asio::awaitable<void> serve(io::HttpConnection connection);

  // --- what the owner answers; nothing happens when the request is gone
  void respond(const Respond& answer);
  void open(const OpenStream& open);
  void write(StreamData data);
  void end(const EndStream& end);
  // Hands what was answered to the sockets. The owner may hear of streams that are drained or gone
  // within this call.
  void flush();

  // Ends what is open, closes all connections and waits for their tasks.
  boost::asio::awaitable<void> stop();

  const MachinePublicKey& public_key() const { return public_key_; }

  std::size_t connections() const { return connections_.size(); }

  std::size_t strangers() const { return strangers_.size(); }

  const MachineCounters& counters() const { return counters_; }

 private:
  struct Connection;
  using Pointer = std::shared_ptr<Connection>;
  enum class Received : std::uint8_t { WantRead, WantWrite, More, Ended };

  // Where the answer to a request goes.
  struct Place {
    Pointer connection;
    http2::StreamId stream;
  };

  class Entry;

  bool admit(const IpAddress& source);
  void enter(const Pointer& connection);
  void leave(const Pointer& connection);
  boost::asio::awaitable<void> run(Pointer connection);
  Received receive(const Pointer& connection);
  bool take(const Pointer& connection, ByteView bytes);
  void dispatch(const Pointer& connection, SessionNews& news);
  void update_membership(Connection& connection);
  const Place* find(RequestId request) const;
  void mark_dirty(const Pointer& connection);
  void flush(const Pointer& connection);
  bool has_taken(const Pointer& connection, io::ByteStream::Status status);
  void wait_to_write(const Pointer& connection);
  void close(Connection& connection) const;
  boost::asio::awaitable<void> keep_time();
  void tick();

  MachineLimits limits_;
  MachinePrivateKey key_;
  MachinePublicKey public_key_;
  Random& random_;
  Owner& owner_;
  Log log_;
  MachineCounters counters_;
  std::uint64_t last_connection_ = 0;
  std::map<std::uint64_t, Pointer> connections_;   // by age
  std::map<std::uint64_t, Pointer> strangers_;     // of these, those whose key is no node's
  std::unordered_map<RequestId, Place> requests_;  // that wait for an answer, or its end
  std::vector<Pointer> dirty_;                     // have something to say
  bool is_flushing_ = false;
  bool is_stopping_ = false;
  std::vector<std::uint8_t> received_;  // one reads at a time
  std::vector<std::uint8_t> batch_;     // one writes at a time
  boost::asio::steady_timer idle_;      // cancelled when the last connection is gone
  io::Tasks tasks_;
};

}  // namespace warren::control
