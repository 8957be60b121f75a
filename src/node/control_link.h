#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/log.h"
#include "base/random.h"
#include "base/result.h"
#include "crypto/keys.h"
#include "io/http2/types.h"
#include "io/run_blocking.h"
#include "io/spawn.h"
#include "io/tls_client.h"
#include "node/control_dial.h"
#include "node/core/control_client.h"
#include "proto/control/server_url.h"

namespace warren::node {

struct ServerAddress {
  std::string url;
  std::optional<MachinePublicKey> key;  // "--server-key", or what the first contact showed
};

// The node's connection to the coordination server: brings a ControlClient together with sockets,
// TLS, Noise, HTTP/2 and the clock.
//
// One strand, also for the observer, whose calls may call back in here but not destroy the link.
// What the server sends is taken in only as fast as the observer handles it; what we send is held
// until the socket takes it, bounded by the requests that the client has under way.
class ControlLink {
 public:
  // All are set.
  struct Observer {
    // Keep it: nothing is told to the server before this returns. An error ends the joining, and is
    // what status() says.
    std::function<Result<void>(const NodePrivateKey&)> on_key_changed;
    // The server proved that it has this key, which it had said itself. Keep it for the next life.
    std::function<void(const MachinePublicKey&)> on_server_key;
    std::function<void(const ClientStatus&)> on_status;
    std::function<void(const MapNews&)> on_map;
  };

  // `hosts` and `random` outlive it. A URL that makes no sense: start() says so in the status.
  ControlLink(boost::asio::any_io_executor executor,
              MachinePrivateKey machine_key,
              ServerAddress server,
              const HostLookup& hosts,
              std::uint32_t mark,
              Random& random,
              Log log,
              Observer observer);
  ControlLink(const ControlLink&) = delete;
  ControlLink& operator=(const ControlLink&) = delete;
  // After close(), or when the loop does not run any more. Waits for name lookups.
  ~ControlLink();

  // As in ControlClient.
  void introduce(Introduction introduction);
  void start(NodePrivateKey key, std::string auth_key, bool force);
  void stop();
  void log_out();
  void on_network_change();

  // The client's, with what went wrong here.
  ClientStatus status() const;

  const ControlClient& client() const { return client_; }

  // Of the connection that is up; none while there is none.
  std::optional<Leg> leg() const;

  // Ends everything without a word to the observer; then it may be destroyed.
  boost::asio::awaitable<void> close();

 private:
  struct Connection;
  using ConnectionPointer = std::shared_ptr<Connection>;

  // Lets the client decide, then performs what it wants.
  template <class Event>
  void feed(Event event);
  void perform_all();
  void perform(Connect&& action);
  void perform(Disconnect&& action);
  void perform(Post&& action);
  void perform(Cancel&& action);
  void perform(Ping&& action);
  void perform(KeyChanged&& action);
  void perform(StatusChanged&& action);
  void perform(MapNews&& action);
  void fail_for_good(std::string why);
  void report();

  // A task that holds a connection, and refers to its link only while it has one.
  static boost::asio::awaitable<void> run(ConnectionPointer connection);
  void adopt(const ConnectionPointer& connection, DialedControl dialed);
  void disconnect();
  void lose(const ConnectionPointer& connection, std::string why);

  void take(const ConnectionPointer& connection, ByteView wire);
  void flush(const ConnectionPointer& connection);
  static void wait_writable(const ConnectionPointer& connection);
  void dispatch(const ConnectionPointer& connection, http2::Events events);
  void on_event(const ConnectionPointer& connection, http2::ResponseHead& head);
  void on_event(const ConnectionPointer& connection, http2::Body& body);
  void on_event(const ConnectionPointer& connection, http2::End& end);
  void on_event(const ConnectionPointer& connection, http2::Reset& reset);
  void on_event(const ConnectionPointer& connection, http2::Goaway& goaway);
  void on_event(const ConnectionPointer& connection, http2::PingAnswered& answered);
  void on_event(const ConnectionPointer& connection, http2::RequestHead& head);

  boost::asio::awaitable<void> run_timer();

  boost::asio::any_io_executor executor_;
  MachinePrivateKey machine_key_;
  ServerAddress server_;
  Result<ServerUrl> url_;
  Result<io::TlsContext> tls_;
  const HostLookup& hosts_;
  std::uint32_t mark_;
  Random& random_;
  Log log_;
  Observer observer_;
  ControlClient client_;
  std::string failure_;  // of our own, since the last start()
  ClientStatus reported_;
  std::string reason_;  // of the last connection's end, as it was logged

  std::deque<ClientAction> pending_;
  bool is_performing_ = false;
  bool is_closed_ = false;

  io::BlockingPool lookups_;
  ConnectionPointer connection_;        // the one that is there or being made
  std::vector<ConnectionPointer> old_;  // whose tasks are ending
  io::Tasks tasks_;
  boost::asio::steady_timer timer_;
  TimePoint wakes_at_ = TimePoint::min();  // the timer, at the latest
};

}  // namespace warren::node
