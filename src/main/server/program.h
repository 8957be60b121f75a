#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "acme/service.h"
#include "base/log.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "control/server.h"
#include "io/http_routes.h"
#include "io/listener.h"
#include "io/local_http_server.h"
#include "io/spawn.h"
#include "io/tls_server.h"
#include "main/server/certificates.h"
#include "main/server/config.h"
#include "main/server/hub.h"
#include "main/server/identity.h"
#include "main/server/public_address.h"
#include "relay/service.h"
#include "relay/stun_responder.h"

namespace warren::server {

// `warren-server`: control, relay and STUN in one process, one listener for what comes over TCP.
// Everything but STUN and the database's writer runs on one loop.
class Program {
 public:
  using AdminDone = std::function<void(unsigned status, std::string json)>;

  // How the configuration is read again, with what the command line said.
  using Reload = std::function<Result<Config>()>;

  // References outlive it.
  Program(Config config, Reload reload, Random& random, const WallClock& wall_clock, Log& log);
  ~Program();

  Result<void> start();
  // Until SIGTERM or SIGINT; a second one ends the process at once.
  void run();

 private:
  Result<void> start_control(Identity& identity);
  Result<void> start_relay(Identity& identity);
  Result<void> listen();
  Result<void> listen(const std::string& text,
                      io::ListenerKind kind,
                      const std::shared_ptr<const io::HttpRoutes>& routes);
  Result<void> serve_admin();
  std::shared_ptr<const io::HttpRoutes> public_routes();
  std::shared_ptr<const io::HttpRoutes> local_routes();
  Result<void> use_certificate();
  void take_over_certificate();
  void make_hub();
  std::string hub_directory() const;
  std::string hub_json() const;
  void read_hub_key();
  Endpoint own_listener() const;
  std::string metrics() const;
  std::string health(bool is_ready, unsigned& status) const;
  void welcome();
  void welcome_with(const std::string& auth_key);
  void admin(std::string method, std::string path, std::string body, AdminDone done);
  boost::asio::awaitable<void> admin_with_hub(std::string method,
                                              std::string path,
                                              std::string body,
                                              AdminDone done);
  void reload();
  std::string status_line() const;

  boost::asio::awaitable<void> heed_signals();
  boost::asio::awaitable<void> stay_alive();
  boost::asio::awaitable<void> stop();

  Config config_;
  Reload reload_;
  Random& random_;
  const WallClock& wall_clock_;
  Log& log_;
  control::ServerUrl address_;
  MachinePublicKey control_key_;
  std::string server_key_;  // as the join command says it
  RelayPublicKey relay_key_;

  boost::asio::io_context loop_{1};
  boost::asio::signal_set signals_;
  io::TlsChallenges challenges_;
  std::optional<io::TlsServerContext> tls_;
  std::unique_ptr<acme::Service> acme_;  // null: certificates come from elsewhere
  CertificateView certificate_;
  std::string pin_;  // of a certificate of our own
  std::unique_ptr<control::Server> control_;
  std::unique_ptr<relay::Service> relay_;
  std::unique_ptr<relay::StunResponder> stun_;
  std::vector<std::unique_ptr<io::Listener>> listeners_;
  std::unique_ptr<io::LocalHttpServer> admin_;
  std::optional<MachinePublicKey> hub_machine_;  // none: there is no hub
  std::string hub_problem_;                      // why not
  std::unique_ptr<Hub> hub_;
  io::Tasks tasks_;
};

}  // namespace warren::server
