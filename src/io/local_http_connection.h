#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include "io/http_request.h"
#include "io/local_http_server.h"

namespace warren::io {

// One client of a LocalHttpServer: reads a request, then sends what its reply hands over, and so on
// until close(). All on the server's strand.
class LocalHttpConnection : public std::enable_shared_from_this<LocalHttpConnection> {
 public:
  using Socket = boost::asio::local::stream_protocol::socket;

  struct Received {
    HttpRequest head;
    std::string body;
  };

  // `options` and `counters` outlive the tasks that call it.
  LocalHttpConnection(Socket socket,
                      PeerCredentials peer,
                      const LocalHttpOptions& options,
                      LocalHttpCounters& counters);

  const PeerCredentials& peer() const { return peer_; }

  // Learns from now on when the client closes. Ends with close().
  void watch();
  void close();

  // Otherwise the status to refuse the request with; 0: the client is gone, or was too slow.
  boost::asio::awaitable<std::expected<Received, unsigned>> read_request();

  // For the handler of that request.
  std::shared_ptr<LocalReply> make_reply(HttpRequest head, bool is_last);
  // Until the reply is complete and taken. False: it never was; who wanted to know has been told.
  boost::asio::awaitable<bool> send_reply();

 private:
  class Reply;

  boost::asio::awaitable<bool> read_more();
  void close_after(Duration time);
  void stop_deadline();

  void wake() { wake_.cancel(); }

  // For the reply.
  bool push(std::string_view bytes);
  void complete();

  Socket socket_;
  PeerCredentials peer_;
  const LocalHttpOptions& options_;
  LocalHttpCounters& counters_;
  boost::asio::steady_timer deadline_;
  boost::asio::steady_timer wake_;  // of send_reply()
  std::string received_;
  std::string unsent_;
  std::size_t unsent_weight_ = 0;  // its size, but for pieces that are very large
  std::string sending_;
  std::function<void()> on_gone_;
  bool is_complete_ = false;  // nothing more will be pushed
  bool is_lost_ = false;      // the client has closed
  bool is_closed_ = false;
};

}  // namespace warren::io
