#include "relay/server.h"

#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/hex.h"
#include "io/clock.h"
#include "proto/relay/frames.h"
#include "relay/http_pages.h"

namespace warren::relay {

namespace asio = boost::asio;

namespace {

constexpr std::string_view kNotePrefix = "derpkey";  // paths section 2.1 item 3
constexpr Duration kDrainStep = 10ms;

}  // namespace

Result<void> add_fast_start(io::TlsCertificate& certificate,
                            const RelayPublicKey& key,
                            WallTime now) {
  return certificate.add_note(std::string(kNotePrefix) + to_hex(key.bytes()), kProtocolVersion,
                              now);
}

Result<std::unique_ptr<Server>> Server::create(const asio::any_io_executor& executor,
                                               RelayPrivateKey key,
                                               const io::TlsCertificate* certificate,
                                               const ServerOptions& options,
                                               Random& random,
                                               const Log& log) {
  std::optional<io::TlsServerContext> tls;
  if (certificate != nullptr) {
    WARREN_TRY(auto context, io::TlsServerContext::create(*certificate));
    tls = std::move(context);
  }
  return std::unique_ptr<Server>(
      new Server(executor, std::move(key), std::move(tls), options, random, log));
}

Server::Server(const asio::any_io_executor& executor,
               RelayPrivateKey key,
               std::optional<io::TlsServerContext> tls,
               const ServerOptions& options,
               Random& random,
               const Log& log)
    : executor_(executor),
      options_(options),
      random_(random),
      log_(log),
      tls_(std::move(tls)),
      service_(executor, std::move(key), options.service, random, log) {
  auto routes = std::make_shared<io::HttpRoutes>();
  add_routes(*routes, service_);
  routes_ = std::move(routes);
}

Result<Endpoint> Server::listen(const Endpoint& endpoint, io::ListenerKind kind) {
  WARREN_CHECK(kind != io::ListenerKind::Tls || tls_);
  WARREN_TRY(auto listener, io::Listener::listen(executor_, endpoint, kind, tls_ ? &*tls_ : nullptr,
                                                 options_.listener, routes_, random_, log_));
  return listeners_.emplace_back(std::move(listener))->endpoint();
}

asio::awaitable<void> Server::stop() {
  for (const auto& listener : listeners_) listener->stop_accepting();
  service_.announce_restart();
  asio::steady_timer timer(executor_);
  const TimePoint deadline = io::boot_now() + options_.drain;
  while (service_.is_writing() && io::boot_now() < deadline) {
    timer.expires_after(kDrainStep);
    const auto [error] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    if (error) break;
  }
  service_.close();
  for (const auto& listener : listeners_) co_await listener->stop();
  co_await service_.stop();
}

}  // namespace warren::relay
