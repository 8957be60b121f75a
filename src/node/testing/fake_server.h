#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "base/random.h"
#include "crypto/keys.h"
#include "io/byte_stream.h"
#include "io/http2/session.h"
#include "io/spawn.h"
#include "io/tls_server.h"
#include "proto/ts2021/records.h"

// A coordination server in the test's own loop: what is said before HTTP/2 is as a real one's, what
// is said inside is the test's business.
namespace warren::node::testing {

class FakeServer {
 public:
  enum class Upgrade : std::uint8_t {
    Accept,
    AcceptWithEarlyNoise,
    NotFound,  // 404
    Silence,   // reads, and says nothing
    Refuse,    // an error frame
  };

  struct Options {
    const io::TlsServerContext* tls = nullptr;  // null: without
    Upgrade upgrade = Upgrade::Accept;
  };

  struct Request {
    std::string path;
    std::string body;
  };

  // One HTTP/2 connection.
  struct Connection {
    std::unique_ptr<io::ByteStream> stream;
    std::optional<ts2021::RecordSealer> sealer;
    std::optional<ts2021::RecordOpener> opener;
    http2::ServerSession session;
    MachinePublicKey machine;
    std::list<std::pair<http2::StreamId, Request>> requests;  // not complete
    bool is_open = true;

    void flush();
    void close();
  };

  using ConnectionPointer = std::shared_ptr<Connection>;
  using Handler = std::function<void(Connection&, http2::StreamId, const Request&)>;

  FakeServer(boost::asio::io_context& loop, MachinePrivateKey key, Options options);
  ~FakeServer();

  std::uint16_t port() const { return port_; }

  void stop_listening();
  void close_all();
  // Ends everything, so that it may be destroyed while the loop goes on.
  boost::asio::awaitable<void> stop();

  MachinePrivateKey key;
  Options options;
  Handler on_request;
  std::vector<std::string> heads;  // request lines, in their order
  std::size_t ended = 0;           // connections that are over, before HTTP/2 or in it
  std::list<ConnectionPointer> connections;

  // Of those that are open.
  Connection* last();

 private:
  boost::asio::awaitable<void> accept();
  boost::asio::awaitable<void> serve(boost::asio::ip::tcp::socket socket);
  boost::asio::awaitable<void> talk(boost::asio::ip::tcp::socket socket);
  boost::asio::awaitable<void> talk_http2(ConnectionPointer connection);
  void handle(Connection& connection, http2::Events events);

  SeededRandom random_{7};
  boost::asio::ip::tcp::acceptor acceptor_;
  std::uint16_t port_ = 0;
  io::Tasks tasks_;
};

}  // namespace warren::node::testing
