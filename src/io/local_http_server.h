#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/log.h"
#include "base/result.h"
#include "base/time.h"
#include "io/http_response.h"
#include "io/local_http.h"
#include "io/spawn.h"
#include "io/unix_listener.h"

namespace warren::io {

class LocalHttpConnection;

struct LocalHttpOptions {
  mode_t mode = 0666;                         // of the socket; the handler judges by the peer
  std::optional<gid_t> group = std::nullopt;  // of the socket, see UnixListener
  // Accepted values of Host, beside none at all and "localhost".
  std::vector<std::string> hosts = {};
  HttpFields fields = {};  // of every answer
  std::size_t max_connections = 64;
  std::size_t max_body = std::size_t{1} << 20;  // of a request
  // Of a stream, what the client has not taken. A piece counts for at most a quarter, or the first
  // one, which may hold everything, would be too large for any client.
  std::size_t max_unsent = std::size_t{256} << 10;
  Duration request_timeout = 10s;  // from its first byte to its last
  Duration idle_timeout = 60s;     // between requests
  Duration write_timeout = 30s;    // for the client to take what was handed over
};

struct LocalHttpCounters {
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;    // too many connections of that user
  std::uint64_t evicted = 0;    // the oldest of the user with the most, for one with fewer
  std::uint64_t requests = 0;   // handed to the handler
  std::uint64_t forbidden = 0;  // from a browser, or for a foreign host (demand S9)
  std::uint64_t bad_requests = 0;
  std::uint64_t timeouts = 0;
  std::uint64_t slow_readers = 0;  // streams that were cut
};

// Serves HTTP/1.1 on a Unix socket. A browser can be made to send requests to whatever it reaches,
// so what has Origin or Referer, or names another host, gets a 403 (demand S9). One strand.
class LocalHttpServer {
 public:
  using Handler = std::function<void(LocalRequest, std::shared_ptr<LocalReply>)>;

  // What `handler` refers to outlives the server. AlreadyExists when another program serves there.
  static Result<std::unique_ptr<LocalHttpServer>> listen(
      const boost::asio::any_io_executor& executor,
      const std::string& path,
      LocalHttpOptions options,
      Handler handler,
      const Log& log);
  LocalHttpServer(const LocalHttpServer&) = delete;
  LocalHttpServer& operator=(const LocalHttpServer&) = delete;
  ~LocalHttpServer();

  const LocalHttpCounters& counters() const { return counters_; }

  std::size_t connections() const { return connections_.size(); }

  // Closes the socket and all connections, and waits for their tasks. Call it before it is
  // destroyed.
  boost::asio::awaitable<void> stop();

 private:
  LocalHttpServer(const boost::asio::any_io_executor& executor,
                  UnixListener listener,
                  LocalHttpOptions options,
                  Handler handler,
                  const Log& log);

  boost::asio::awaitable<void> accept_connections();
  boost::asio::awaitable<void> serve(std::shared_ptr<LocalHttpConnection> connection);
  bool make_room(uid_t user);

  std::optional<UnixListener> listener_;  // none: stopped
  LocalHttpOptions options_;
  Handler handler_;
  LocalHttpCounters counters_;
  std::list<std::shared_ptr<LocalHttpConnection>> connections_;  // by age
  boost::asio::steady_timer pause_;  // of accepting, when there are no descriptors
  Tasks tasks_;
};

}  // namespace warren::io
