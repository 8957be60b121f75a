#include "main/server/program.h"

#include <csignal>
#include <cstdio>
#include <utility>

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "base/hex.h"
#include "base/json_object.h"
#include "base/version.h"
#include "crypto/key_text.h"
#include "io/file.h"
#include "io/http_response.h"
#include "io/private_directory.h"
#include "main/memory.h"
#include "main/notify.h"
#include "main/server/metrics.h"
#include "main/server/welcome.h"
#include "relay/http_pages.h"
#include "relay/server.h"

namespace warren::server {

namespace asio = boost::asio;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds kAliveEvery{10};  // a third of WatchdogSec= (server 7.5)
constexpr Duration kRelayDrain = 1s;             // for the last frames to be taken
constexpr Duration kHubWait = 8s;                // until it is up, for whoever wants a device
constexpr const char* kAdminGroup = "warren-admin";

// Who beside root may use `warren admin`. None, the process's own, where there is no such group or
// the server may not give it a file.
std::optional<gid_t> admin_group() {
  const group* const found = getgrnam(kAdminGroup);  // NOLINT(concurrency-mt-unsafe): at the start
  if (found == nullptr) return std::nullopt;
  const bool may_give = geteuid() == 0 || group_member(found->gr_gid) != 0;
  return may_give ? std::optional(found->gr_gid) : std::nullopt;
}

}  // namespace

Program::Program(
    Config config, Reload reload, Random& random, const WallClock& wall_clock, Log& log)
    : config_(std::move(config)),
      reload_(std::move(reload)),
      random_(random),
      wall_clock_(wall_clock),
      log_(log),
      signals_(loop_),
      tasks_(loop_.get_executor(), log) {}

Program::~Program() = default;

Result<void> Program::start() {
  WARREN_TRY(address_, public_address(config_));
  WARREN_TRY_VOID(io::make_private_directory(config_.state_dir));
  WARREN_TRY(Identity identity, load_identity(config_.state_dir, random_));
  control_key_ = identity.control_key.public_key();
  server_key_ = to_text(control_key_);
  relay_key_ = identity.relay_key.public_key();
  WARREN_TRY(const CertificateSource source, certificate_source(config_, address_));
  if (source == CertificateSource::Acme) {
    WARREN_TRY(acme_, make_acme(loop_.get_executor(), config_, address_, challenges_, random_,
                                wall_clock_, log_));
  }
  if (config_.tls.acme && config_.tls.mode == TlsMode::Auto && !acme_) {
    log_.warn("server: {} is no name in the public DNS: tls.acme does nothing", address_.host);
  }
  WARREN_TRY_VOID(use_certificate());
  read_hub_key();
  WARREN_TRY_VOID(start_control(identity));
  WARREN_TRY_VOID(start_relay(identity));
  WARREN_TRY_VOID(serve_admin());
  WARREN_TRY_VOID(listen());
  make_hub();
  boost::system::error_code error;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    if (!error) signals_.add(signal, error);
  }
  if (error) return unexpected(errno_error("catch signals", error.value()));
  tasks_.spawn("server: signals", heed_signals());
  tasks_.spawn("server: watchdog", stay_alive());
  tasks_.spawn("server: memory", give_memory_back());
  log_.info("server: started url={} nodes={} state={}", address_.text(),
            control_->tables().nodes().size(), config_.state_dir);
  if (acme_) acme_->start([this] { take_over_certificate(); });
  welcome();
  notify_ready(status_line());
  return {};
}

// At the start, and when the files are others.
Result<void> Program::use_certificate() {
  const WallTime now = wall_clock_.now();
  WARREN_TRY(Certificate certificate, load_certificate(config_, address_, acme_.get(), now));
  const bool is_own = certificate.source == CertificateSource::Own;
  if (!is_own && !certificate.tls.covers({address_.host})) {
    log_.warn("server: the certificate in {} is not for {}: machines will not trust it",
              config_.tls.certificate, address_.host);
  }
  if (!certificate.tls.is_valid_at(now)) {
    log_.warn("server: the certificate in {} is not valid now: renew it, or look at the clock",
              config_.tls.certificate);
  }
  if (is_own && acme_) {
    log_.info("server: showing a certificate of our own until there is one for {}", address_.host);
  }
  certificate_ = {.source = certificate.source, .not_after = certificate.tls.validity().not_after};
  pin_ = is_own ? to_hex(certificate.tls.fingerprint()) : std::string();
  WARREN_TRY_VOID(relay::add_fast_start(certificate.tls, relay_key_, now));
  WARREN_TRY(auto context, io::TlsServerContext::create(certificate.tls, &challenges_));
  tls_ = std::move(context);  // connections that are open keep the old one
  return {};
}

// From the authority, while everything runs.
void Program::take_over_certificate() {
  if (const auto used = use_certificate(); !used) {
    return log_.error("server: the certificate stays as it was: {}", used.error().detail);
  }
  control_->set_relay_map(own_relay_map(config_, address_, pin_));
}

Result<void> Program::start_control(Identity& identity) {
  control::ServerOptions options;
  options.engine.url = address_.text();
  options.engine.server_key = server_key_;
  options.engine.domain = config_.network.base_domain;
  options.engine.dns = dns_settings(config_.dns);
  options.engine.soft_flush = config_.database.soft_flush;
  options.engine.max_streams = config_.limits.streams;
  options.engine.hub_machine = hub_machine_;
  options.engine.hub_port = config_.listen.wireguard;
  options.settings.max_nodes = config_.limits.nodes;
  options.state_directory = config_.state_dir;
  options.program = fmt::format("warren-server {}", version());
  WARREN_TRY(control_, control::Server::start(loop_.get_executor(), std::move(identity.control_key),
                                              std::move(options), random_, wall_clock_, log_));
  if (identity.is_new && !control_->tables().nodes().empty()) {
    log_.error(
        "server: the database has {} machines, but the key that they know is gone: put control.key "
        "from a backup into {}, or let them all join again",
        control_->tables().nodes().size(), config_.state_dir);
  }
  control_->set_relay_map(own_relay_map(config_, address_, pin_));
  return {};
}

Result<void> Program::start_relay(Identity& identity) {
  relay_ = std::make_unique<relay::Service>(loop_.get_executor(), std::move(identity.relay_key),
                                            relay::ServiceOptions{}, random_, log_);
  control_->on_members([this](std::unordered_set<NodePublicKey> keys) {
    auto members = std::make_shared<relay::Members>();
    members->keys = std::move(keys);
    relay_->set_members(std::move(members));
  });
  if (config_.listen.stun != 0) {
    WARREN_TRY(stun_, relay::StunResponder::start({.port = config_.listen.stun}, random_));
  }
  return {};
}

std::shared_ptr<const io::HttpRoutes> Program::public_routes() {
  auto routes = std::make_shared<io::HttpRoutes>();
  relay::add_routes(*routes, *relay_);
  control_->add_routes(*routes);
  if (acme_) acme_->add_routes(*routes);
  return routes;
}

// Of the metrics port: loopback only, unless configured otherwise.
std::shared_ptr<const io::HttpRoutes> Program::local_routes() {
  auto routes = std::make_shared<io::HttpRoutes>();
  routes->page("/metrics", [this](const io::HttpRequest&, const Endpoint&) {
    return io::http_response(200, io::kPrometheusType, metrics());
  });
  const auto add_health = [&](const char* path, bool is_ready) {
    routes->page(path, [this, is_ready](const io::HttpRequest&, const Endpoint&) {
      unsigned status = 200;
      const std::string body = health(is_ready, status);
      return io::http_response(status, "application/json", body);
    });
  };
  add_health("/health", false);
  add_health("/ready", true);
  return routes;
}

Result<void> Program::listen() {
  const auto everything = public_routes();
  for (const std::string& text : config_.listen.https) {
    WARREN_TRY_VOID(listen(text, io::ListenerKind::Tls, everything));
  }
  for (const std::string& text : config_.listen.http) {
    // Only stock clients that have the wrong clock or no TLS need it: no reason not to start.
    if (const auto heard = listen(text, io::ListenerKind::Pages, everything); !heard) {
      log_.warn("server: {}; going on without: set listen.http to [] if that is meant",
                heard.error().detail);
    }
  }
  const auto local = local_routes();
  for (const std::string& text : config_.listen.metrics) {
    WARREN_TRY_VOID(listen(text, io::ListenerKind::Plain, local));
  }
  return {};
}

Result<void> Program::listen(const std::string& text,
                             io::ListenerKind kind,
                             const std::shared_ptr<const io::HttpRoutes>& routes) {
  const auto places = parse_listen(text);
  WARREN_CHECK(places);  // the configuration was checked
  Result<void> outcome;
  std::size_t heard = 0;
  for (const Endpoint& place : *places) {
    auto listener = io::Listener::listen(loop_.get_executor(), place, kind, tls_ ? &*tls_ : nullptr,
                                         {}, routes, random_, log_);
    if (listener) {
      listeners_.push_back(std::move(*listener));
      ++heard;
    } else if (place.address.is_v4() || heard == 0) {
      outcome = unexpected(std::move(listener).error());
    }
  }
  // A machine without IPv6 listens on IPv4.
  if (heard == 0 || (places->size() == 1 && !outcome)) return outcome;
  return {};
}

Result<void> Program::serve_admin() {
  const std::string& path = config_.listen.admin_socket;
  const std::string directory = path.substr(0, path.find_last_of('/'));
  if (!directory.empty()) mkdir(directory.c_str(), 0755);  // what is wrong with it, listen() says
  io::LocalHttpOptions options;
  options.mode = 0660;  // the file says who may come: root, the server's user and the group
  options.group = admin_group();
  auto server = io::LocalHttpServer::listen(
      loop_.get_executor(), path, options,
      [this](io::LocalRequest request, const std::shared_ptr<io::LocalReply>& reply) {
        admin(std::move(request.method), std::move(request.path), std::move(request.body),
              [reply](unsigned status, std::string json) {
                reply->finish({.status = status, .body = std::move(json)});
              });
      },
      log_);
  if (!server) return unexpected(std::move(server).error());
  admin_ = std::move(*server);
  return {};
}

void Program::admin(std::string method, std::string path, std::string body, AdminDone done) {
  constexpr std::string_view kApi = "/api/warren/v1/";
  const std::string_view rest =
      path.starts_with(kApi) ? std::string_view(path).substr(kApi.size()) : std::string_view();
  if (method == "GET" && rest == "hub") return done(200, hub_json());
  if (method == "GET" && rest == "status") {
    // Control knows neither of the hub nor of certificates.
    const std::string more = fmt::format(R"(,"hub":{},"certificate":{})", hub_json(),
                                         certificate_json(certificate_, acme_.get()));
    done = [more, then = std::move(done)](unsigned status, std::string json) {
      if (status == 200 && json.ends_with('}')) json.insert(json.size() - 1, more);
      then(status, std::move(json));
    };
  }
  if (hub_ && rest.starts_with("devices")) control_->set_hub_problem(hub_->problem());
  if (hub_ && method == "POST" && rest == "devices") {
    tasks_.spawn("server: hub", admin_with_hub(std::move(method), std::move(path), std::move(body),
                                               std::move(done)));
    return;
  }
  control_->admin(std::move(method), std::move(path), std::move(body), std::move(done));
}

// The first device is what a hub is made for, and its profile names the hub's key.
asio::awaitable<void> Program::admin_with_hub(std::string method,
                                              std::string path,
                                              std::string body,
                                              AdminDone done) {
  hub_->start();
  co_await hub_->settle(kHubWait);
  control_->set_hub_problem(hub_->problem());
  control_->admin(std::move(method), std::move(path), std::move(body), std::move(done));
}

// --- the hub

// Before the control engine starts: it knows the hub by this key.
void Program::read_hub_key() {
  if (!config_.has_role("hub")) {
    hub_problem_ = "this server has no hub: its configuration leaves the role out";
    return;
  }
  auto key = hub_machine_key(hub_directory(), random_);
  if (key) {
    hub_machine_ = *key;
  } else {
    hub_problem_ = std::move(key).error().detail;
    log_.warn("server: no hub: {}", hub_problem_);
  }
}

std::string Program::hub_directory() const {
  return config_.state_dir + "/hub";
}

void Program::make_hub() {
  control_->set_hub_problem(hub_problem_);
  if (!hub_machine_) return;
  HubOptions options;
  options.state_directory = hub_directory();
  options.port = config_.listen.wireguard;
  options.server = own_listener();
  options.server_key = control_key_;
  hub_ =
      std::make_unique<Hub>(loop_.get_executor(), std::move(options), random_, wall_clock_, log_);
  if (control_->devices() > 0) hub_->start();
}

// Where this machine reaches our first listener.
Endpoint Program::own_listener() const {
  Endpoint out = listeners_.front()->endpoint();
  if (out.address == *IpAddress::parse("0.0.0.0")) out.address = *IpAddress::parse("127.0.0.1");
  if (out.address == *IpAddress::parse("::")) out.address = *IpAddress::parse("::1");
  return out;
}

std::string Program::hub_json() const {
  if (hub_) return hub_->json();
  return json::ObjectText().text("state", "off").text("problem", hub_problem_).done();
}

std::string Program::metrics() const {
  std::vector<io::Metric> out = io::process_metrics();
  add_metrics(control_->engine(), out);
  add_metrics(*relay_, out);
  if (stun_) add_metrics(stun_->counters(), out);
  io::ListenerCounters all;
  for (const auto& listener : listeners_) all += listener->counters();
  add_metrics(all, out);
  add_certificate_metrics(certificate_, acme_.get(), wall_clock_.now(), out);
  if (hub_) hub_->add_metrics(out);
  return to_prometheus(out);
}

std::string Program::health(bool is_ready, unsigned& status) const {
  const db::WriterState storage = control_->storage();
  status = is_ready && !storage.writable ? 503 : 200;
  return json::ObjectText()
      .boolean("ok", status == 200)
      .boolean("storage", storage.writable)
      .text("detail", storage.sentence)
      .text("hub", hub_ ? hub_->problem() : hub_problem_)
      .number("nodes", static_cast<std::int64_t>(control_->tables().nodes().size()))
      .number("online", static_cast<std::int64_t>(control_->engine().online()))
      .done();
}

std::string Program::status_line() const {
  return fmt::format("{} machines, {} online, storage {}", control_->tables().nodes().size(),
                     control_->engine().online(),
                     control_->storage().writable ? "ok" : "read-only");
}

// The first time: a user, a key for an hour, and the command that lets machines join.
void Program::welcome() {
  if (!control_->tables().users().empty()) return;
  prepare_first_key([this](auto&&... what) { admin(std::forward<decltype(what)>(what)...); },
                    [this](Result<std::string> auth_key) {
                      if (auth_key) return welcome_with(*auth_key);
                      log_.error("server: no first auth key: {}", auth_key.error().detail);
                    });
}

void Program::welcome_with(const std::string& auth_key) {
  const std::string command = join_command(address_.text(), server_key_, auth_key);
  const std::string path = config_.state_dir + "/join-command";
  if (const auto kept = io::replace_file(path, command + "\n", 0600); !kept) {
    log_.warn("server: could not keep the join command: {}", kept.error().detail);
  }
  // A log is read by more people than the terminal of whoever started the server.
  if (isatty(STDOUT_FILENO) == 1) {
    fmt::print("\nWarren is ready. On each of your machines run, within the next hour:\n\n  {}\n\n",
               command);
    static_cast<void>(std::fflush(stdout));
  }
  log_.info("server: the command that lets machines join, for an hour, is in {}", path);
}

void Program::run() {
  loop_.run();
}

asio::awaitable<void> Program::heed_signals() {
  while (true) {
    const auto [error, signal] = co_await signals_.async_wait(kAwait);
    if (error) co_return;
    if (signal == SIGHUP) {
      reload();
      continue;
    }
    log_.info("server: stopping on a signal; another one ends it at once");
    boost::system::error_code ignored;
    signals_.clear(ignored);  // back to the default action
    io::spawn(loop_.get_executor(), log_, "server: stop", stop());
    co_return;
  }
}

// All of the new file, or nothing.
void Program::reload() {
  notify_reloading();
  auto config = reload_();
  if (!config) {
    log_.error("server: the configuration stays as it was: {}", config.error().detail);
  } else {
    const Config before = std::exchange(config_, std::move(*config));
    if (const auto used = use_certificate(); !used) {
      log_.error("server: the configuration stays as it was: {}", used.error().detail);
      config_ = before;
    } else {
      if (const LogLevel* const level = parse_log_level(config_.log.level)) log_.set_level(*level);
      control_->set_relay_map(own_relay_map(config_, address_, pin_));
      control_->set_dns(dns_settings(config_.dns));
      log_.info(
          "server: certificate, names and log level are read again; the rest needs a restart");
    }
  }
  notify_ready(status_line());
}

asio::awaitable<void> Program::stay_alive() {
  asio::steady_timer timer(loop_);
  while (true) {
    notify_alive();
    notify_status(status_line());
    timer.expires_after(kAliveEvery);
    const auto [error] = co_await timer.async_wait(kAwait);
    if (error) co_return;
  }
}

asio::awaitable<void> Program::stop() {
  notify_stopping();
  for (const auto& listener : listeners_) listener->stop_accepting();
  if (acme_) co_await acme_->stop();
  if (admin_) co_await admin_->stop();
  if (hub_) co_await hub_->stop();
  co_await relay_->drain(kRelayDrain);
  co_await control_->stop();
  for (const auto& listener : listeners_) co_await listener->stop();
  co_await relay_->stop();
  stun_.reset();
  tasks_.cancel();
  co_await tasks_.wait();
  log_.info("server: stopped");
  loop_.stop();
}

}  // namespace warren::server
