#include "main/node/program.h"

#include <csignal>
#include <filesystem>
#include <string>
#include <utility>

#include <sys/stat.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "base/version.h"
#include "io/private_directory.h"
#include "main/memory.h"
#include "main/notify.h"

namespace warren::noded {

namespace asio = boost::asio;

namespace {}  // namespace

Result<void> prepare_directories(const Config& config) {
  WARREN_TRY_VOID(io::make_private_directory(config.state_dir));
  const std::filesystem::path directory = std::filesystem::path(config.socket).parent_path();
  std::error_code error;
  if (!directory.empty()) std::filesystem::create_directories(directory, error);
  if (error) {
    return fail(Errc::Io,
                fmt::format("make {} for the socket: {}", directory.string(), error.message()));
  }
  return {};
}

node::DnsHost dns_host(const Config& config) {
  node::DnsHost out;
  out.state_directory = config.state_dir;
  out.device = config.device;
  out.own = {node::kDnsAddressV4, node::kDnsAddressV6};
  out.is_foreign = node::is_etc_of_another_network();
  return out;
}

node::NamesOptions prepare_names(const Config& config) {
  return {.sockets = dns::Sockets::bind({node::kDnsAddressV4, node::kDnsAddressV6}),
          .host = dns_host(config)};
}

Program::Program(Config config,
                 node::NamesOptions names,
                 Reload reload,
                 Random& random,
                 const WallClock& wall_clock,
                 Log& log)
    : config_(std::move(config)),
      names_(std::move(names)),
      reload_(std::move(reload)),
      random_(random),
      wall_clock_(wall_clock),
      log_(log),
      signals_(loop_),
      tasks_(loop_.get_executor(), log) {}

Program::~Program() = default;

Result<void> Program::start() {
  boost::system::error_code error;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    if (!error) signals_.add(signal, error);
  }
  if (error) return unexpected(errno_error("catch signals", error.value()));
  // The socket comes first: it tells whether another one runs here.
  WARREN_TRY_VOID(serve());
  node::DaemonOptions options;
  options.state_directory = config_.state_dir;
  options.overlay.device = config_.device;
  options.overlay.port = config_.port;
  WARREN_TRY(daemon_, node::Daemon::start(loop_.get_executor(), options, random_, wall_clock_, log_,
                                          std::exchange(names_, std::nullopt)));
  api_ = std::make_unique<node::LocalApi>(
      loop_.get_executor(), *daemon_, random_, wall_clock_, [this] { shut_down(); }, log_);
  tasks_.spawn("node: signals", heed_signals());
  tasks_.spawn("node: memory", give_memory_back());
  log_.info("node: started version={} state={}", version(), config_.state_dir);
  notify_ready("serving " + config_.socket);
  return {};
}

Result<void> Program::serve() {
  io::LocalHttpOptions options;
  options.mode = 0666;  // who may do what, the API decides by the peer's user
  options.hosts = {"local-tailscaled.sock", "local-warrend.sock"};
  options.fields = {{"Tailscale-Version", std::string(version())},
                    {"Tailscale-Cap", std::to_string(node::kCapVersion.value)}};
  WARREN_TRY(server_, io::LocalHttpServer::listen(
                          loop_.get_executor(), config_.socket, options,
                          [this](const io::LocalRequest& request,
                                 const std::shared_ptr<io::LocalReply>& reply) {
                            api_->handle(request, reply);
                          },
                          log_));
  return {};
}

void Program::run() {
  loop_.run();
}

void Program::reload() {
  notify_reloading();
  const auto config = reload_();
  if (!config) {
    log_.error("node: the configuration stays as it was: {}", config.error().detail);
  } else {
    if (const LogLevel* const level = parse_log_level(config->log_level)) log_.set_level(*level);
    log_.info("node: the log level is read again; the rest of the configuration needs a restart");
  }
  notify_ready("serving " + config_.socket);
}

asio::awaitable<void> Program::heed_signals() {
  while (true) {
    const auto [error, signal] = co_await signals_.async_wait(asio::as_tuple(asio::use_awaitable));
    if (error) co_return;
    if (signal == SIGHUP) {
      reload();
      continue;
    }
    log_.info("node: stopping on a signal; another one ends it at once");
    boost::system::error_code ignored;
    signals_.clear(ignored);  // back to the default action
    shut_down();
    co_return;
  }
}

void Program::shut_down() {
  if (std::exchange(is_stopping_, true)) return;
  io::spawn(loop_.get_executor(), log_, "node: stop", stop());
}

asio::awaitable<void> Program::stop() {
  notify_stopping();
  co_await daemon_->stop();
  co_await server_->stop();
  tasks_.cancel();
  co_await tasks_.wait();
  log_.info("node: stopped");
  loop_.stop();
}

}  // namespace warren::noded
