#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "io/http_routes.h"
#include "io/listener.h"
#include "io/tls_certificate.h"
#include "relay/service.h"

namespace warren::relay {

struct ServerOptions {
  ServiceOptions service;
  io::ListenerOptions listener;
  Duration drain = 1s;  // at most, for the last frames to be taken
};

// The certificate with the note that lets clients send their login with the upgrade (spec: paths
// section 2.1 item 3).
Result<void> add_fast_start(io::TlsCertificate& certificate,
                            const RelayPublicKey& key,
                            WallTime now);

// A relay with its listeners, for a program that has nothing else on its ports.
class Server {
 public:
  // `random` outlives it. Without a certificate there is no TLS.
  static Result<std::unique_ptr<Server>> create(const boost::asio::any_io_executor& executor,
                                                RelayPrivateKey key,
                                                const io::TlsCertificate* certificate,
                                                const ServerOptions& options,
                                                Random& random,
                                                const Log& log);

  // Where it listens then.
  Result<Endpoint> listen(const Endpoint& endpoint, io::ListenerKind kind);

  Service& service() { return service_; }

  const std::vector<std::unique_ptr<io::Listener>>& listeners() const { return listeners_; }

  // Announces the restart, gives the clients a moment to take that, closes, and waits for all tasks
  // to end. Call it before it is destroyed, and while nothing else is called.
  boost::asio::awaitable<void> stop();

 private:
  Server(const boost::asio::any_io_executor& executor,
         RelayPrivateKey key,
         std::optional<io::TlsServerContext> tls,
         const ServerOptions& options,
         Random& random,
         const Log& log);

  boost::asio::any_io_executor executor_;
  ServerOptions options_;
  Random& random_;
  Log log_;
  std::optional<io::TlsServerContext> tls_;
  Service service_;
  std::shared_ptr<const io::HttpRoutes> routes_;
  std::vector<std::unique_ptr<io::Listener>> listeners_;
};

}  // namespace warren::relay
