#include "io/local_http_server.h"

#include <algorithm>
#include <expected>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "io/local_http_connection.h"
#include "io/url_query.h"

namespace warren::io {

namespace asio = boost::asio;

namespace {

using Socket = LocalHttpConnection::Socket;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::string_view kText = "text/plain; charset=utf-8";
constexpr auto kAcceptPause = std::chrono::seconds(1);

std::optional<PeerCredentials> credentials_of(Socket& socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return std::nullopt;
  }
  return PeerCredentials{.user = peer.uid, .group = peer.gid, .process = peer.pid};
}

// From a browser, or meant for somebody else whose name leads here.
bool is_foreign(const HttpRequest& head, const std::vector<std::string>& hosts) {
  if (head.find("Origin") != nullptr || head.find("Referer") != nullptr) return true;
  return std::ranges::any_of(head.fields, [&](const auto& field) {
    const std::string& host = field.second;
    if (!equal_ignoring_case(field.first, "Host") || host.empty()) return false;
    return !equal_ignoring_case(host, "localhost") &&
           std::ranges::none_of(hosts, [&](const std::string& accepted) {
             return equal_ignoring_case(host, accepted);
           });
  });
}

// Otherwise the status to refuse it with.
std::expected<LocalRequest, unsigned> to_request(LocalHttpConnection::Received& received,
                                                 const PeerCredentials& peer,
                                                 const std::vector<std::string>& hosts) {
  const HttpRequest& head = received.head;
  if (is_foreign(head, hosts)) return std::unexpected(403U);
  if (!head.target.starts_with('/')) return std::unexpected(400U);
  const std::string_view path = head.path();
  const std::string_view target = head.target;
  auto query = parse_query(target.substr(std::min(path.size() + 1, target.size())));
  if (!query) return std::unexpected(400U);
  return LocalRequest{.method = head.method,
                      .path = std::string(path),
                      .query = std::move(*query),
                      .body = std::move(received.body),
                      .peer = peer};
}

// A connection has its place while it is served, also when the handler throws.
class Served {
 public:
  using Connections = std::list<std::shared_ptr<LocalHttpConnection>>;

  Served(Connections& connections, std::shared_ptr<LocalHttpConnection> connection)
      : connections_(connections), connection_(std::move(connection)) {}

  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;

  ~Served() {
    connection_->close();
    connections_.remove(connection_);
  }

 private:
  Connections& connections_;
  std::shared_ptr<LocalHttpConnection> connection_;
};

}  // namespace

Result<std::unique_ptr<LocalHttpServer>> LocalHttpServer::listen(
    const asio::any_io_executor& executor,
    const std::string& path,
    LocalHttpOptions options,
    Handler handler,
    const Log& log) {
  WARREN_TRY(auto listener, UnixListener::listen(executor, path, options.mode, options.group));
  std::unique_ptr<LocalHttpServer> out(new LocalHttpServer(
      executor, std::move(listener), std::move(options), std::move(handler), log));
  out->tasks_.spawn("local: accept on " + path, out->accept_connections());
  return out;
}

LocalHttpServer::LocalHttpServer(const asio::any_io_executor& executor,
                                 UnixListener listener,
                                 LocalHttpOptions options,
                                 Handler handler,
                                 const Log& log)
    : listener_(std::move(listener)),
      options_(std::move(options)),
      handler_(std::move(handler)),
      pause_(executor),
      tasks_(executor, log) {}

LocalHttpServer::~LocalHttpServer() = default;

asio::awaitable<void> LocalHttpServer::stop() {
  listener_.reset();
  pause_.cancel();
  for (const auto& connection : connections_) connection->close();
  co_await tasks_.wait();
}

asio::awaitable<void> LocalHttpServer::accept_connections() {
  while (listener_) {
    auto [error, socket] = co_await listener_->acceptor().async_accept(kAwait);
    if (error == asio::error::operation_aborted || !listener_) co_return;
    if (error) {
      // Out of descriptors, for example: no reason to spin.
      pause_.expires_after(kAcceptPause);
      const auto [cancelled] = co_await pause_.async_wait(kAwait);
      if (cancelled) co_return;
      continue;
    }
    const auto peer = credentials_of(socket);
    if (!peer) continue;
    if (!make_room(peer->user)) {
      ++counters_.refused;
      const std::string why =
          http_response(503, kText, "too many connections: try again\n", {{"Connection", "close"}});
      boost::system::error_code ignored;
      socket.non_blocking(true, ignored);
      socket.write_some(asio::buffer(why), ignored);
      continue;
    }
    ++counters_.accepted;
    const auto connection =
        std::make_shared<LocalHttpConnection>(std::move(socket), *peer, options_, counters_);
    connections_.push_back(connection);
    tasks_.spawn("local: serve a client", serve(connection));
  }
}

// One user can't keep out others: when all places are taken, the user who holds the most gives way
// to one who holds fewer.
bool LocalHttpServer::make_room(uid_t user) {
  if (connections_.size() < options_.max_connections) return true;
  std::map<uid_t, std::size_t> held;
  for (const auto& connection : connections_) ++held[connection->peer().user];
  const auto most = std::ranges::max_element(held, {}, [](const auto& it) { return it.second; });
  if (most == held.end() || held[user] + 1 >= most->second) return false;
  const auto oldest =
      std::ranges::find(connections_, most->first, [](const auto& it) { return it->peer().user; });
  ++counters_.evicted;
  (*oldest)->close();
  connections_.erase(oldest);
  return true;
}

asio::awaitable<void> LocalHttpServer::serve(std::shared_ptr<LocalHttpConnection> connection) {
  const Served served(connections_, connection);
  connection->watch();
  bool goes_on = true;
  while (goes_on) {
    auto received = co_await connection->read_request();
    if (!received && received.error() == 0) break;
    const bool is_last =
        !received || !received->head.is_http_1_1 || received->head.has_token("Connection", "close");
    auto request = received ? to_request(*received, connection->peer(), options_.hosts)
                            : std::unexpected(received.error());
    auto reply = connection->make_reply(received ? std::move(received->head) : HttpRequest(),
                                        is_last || !request);
    if (request) {
      ++counters_.requests;
      handler_(*std::move(request), std::move(reply));
    } else {
      ++(request.error() == 403 ? counters_.forbidden : counters_.bad_requests);
      reply->finish({.status = request.error(), .content_type = std::string(kText), .body = ""});
    }
    reply.reset();
    const bool is_sent = co_await connection->send_reply();
    goes_on = is_sent && !is_last && request;
  }
}

}  // namespace warren::io
