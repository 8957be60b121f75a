#include <array>
#include <csignal>
#include <cstdio>
#include <optional>
#include <ranges>
#include <string>
#include <vector>

#include <CLI/App.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "base/hex.h"
#include "crypto/system_random.h"
#include "e2e/program.h"
#include "io/clock.h"
#include "io/file.h"
#include "relay/server.h"
#include "relay/stun_responder.h"

// A relay and a STUN responder from the command line, for tests: there is no configuration and no
// coordination server yet.
namespace {

using namespace warren;  // NOLINT(google-build-using-namespace): the program is all Warren
namespace asio = boost::asio;

constexpr std::size_t kMaxMembersFile = std::size_t{16} << 20;

constexpr const char* kMore =
    "Prints one line of JSON when it is ready: its public key, what its certificate is known by, "
    "and\n"
    "its ports. SIGHUP reads the members again; SIGTERM tells the clients, and stops.\n"
    "\n"
    "Example:\n"
    "  warren-test-relay --listen 192.0.2.1:443 --stun 192.0.2.1:3478 --state relay --admit-all";

struct Arguments {
  std::vector<std::string> listen;
  std::vector<std::string> plain;
  std::vector<std::string> pages;
  std::string stun;
  std::string state;
  std::string members;
  std::vector<std::string> names;
  bool admit_all = false;
  bool verbose = false;
};

struct Place {
  Endpoint endpoint;
  io::ListenerKind kind = io::ListenerKind::Tls;
};

Result<Endpoint> parse_endpoint(const std::string& text) {
  if (const auto out = Endpoint::parse(text)) return *out;
  return fail(Errc::InvalidArgument,
              fmt::format("\"{}\" is no address and port, as 192.0.2.1:443 or [::]:443", text));
}

Result<std::vector<Place>> places_of(const Arguments& arguments) {
  std::vector<Place> out;
  const std::pair<const std::vector<std::string>*, io::ListenerKind> lists[] = {
      {&arguments.listen, io::ListenerKind::Tls},
      {&arguments.plain, io::ListenerKind::Plain},
      {&arguments.pages, io::ListenerKind::Pages}};
  for (const auto& [texts, kind] : lists) {
    for (const std::string& text : *texts) {
      WARREN_TRY(const Endpoint endpoint, parse_endpoint(text));
      out.push_back({endpoint, kind});
    }
  }
  return out;
}

// The names that were given, and the addresses.
std::vector<std::string> names_of(const Arguments& arguments, const std::vector<Place>& places) {
  std::vector<std::string> out = arguments.names;
  for (const Place& place : places) {
    const IpAddress& address = place.endpoint.address;
    if (!address.is_unspecified()) out.push_back(address.to_string());
  }
  if (out.empty()) out.emplace_back("localhost");
  return out;
}

// Kept in the state directory, when there is one.
Result<RelayPrivateKey> load_key(const std::string& state, Random& random) {
  auto key = RelayPrivateKey::generate(random);
  if (state.empty()) return key;
  const std::string path = state + "/relay.key";
  const auto kept = io::read_file(path, 2 * kKeySize);
  if (kept) {
    Secret<kKeySize> bytes;
    if (!parse_hex(*kept, bytes.mutable_bytes())) {
      return fail(Errc::InvalidArgument, path + ": it holds no key");
    }
    return RelayPrivateKey(bytes.bytes());
  }
  if (kept.error().code != Errc::NotFound) return unexpected(kept.error());
  WARREN_TRY_VOID(io::replace_file(path, to_hex(key.bytes()), 0600));
  return key;
}

Result<io::TlsCertificate> load_certificate(const std::string& state,
                                            const std::vector<std::string>& names,
                                            WallTime now) {
  if (state.empty()) return io::TlsCertificate::make_self_signed(names, now);
  return io::TlsCertificate::load_or_make(state + "/tls.pem", names, now);
}

// One key in hexadecimal a line; lines that begin with # are skipped.
Result<std::shared_ptr<const relay::Members>> load_members(const Arguments& arguments) {
  auto out = std::make_shared<relay::Members>();
  out->is_everyone = arguments.admit_all;
  if (!arguments.members.empty()) {
    WARREN_TRY(const std::string text, io::read_file(arguments.members, kMaxMembersFile));
    for (const auto line : std::views::split(text, '\n')) {
      const std::string_view hex(line.begin(), line.end());
      if (hex.empty() || hex.front() == '#') continue;
      std::array<std::uint8_t, kKeySize> key{};
      if (!parse_hex(hex, key)) {
        return fail(Errc::InvalidArgument,
                    fmt::format("{}: \"{}\" is no key of 64 digits", arguments.members, hex));
      }
      out->keys.insert(NodePublicKey(key));
    }
  }
  return out;
}

class StaticRelay {
 public:
  explicit StaticRelay(const Arguments& arguments)
      : arguments_(arguments),
        log_(Log::to_stderr(arguments.verbose ? LogLevel::Debug : LogLevel::Info)),
        signals_(loop_, SIGINT, SIGTERM, SIGHUP) {}

  Result<void> start() {
    const WallTime now = io::SystemWallClock().now();
    WARREN_TRY(const auto places, places_of(arguments_));
    WARREN_TRY(auto key, load_key(arguments_.state, random_));
    WARREN_TRY(auto certificate,
               load_certificate(arguments_.state, names_of(arguments_, places), now));
    const RelayPublicKey public_key = key.public_key();
    WARREN_TRY_VOID(relay::add_fast_start(certificate, public_key, now));
    WARREN_TRY(server_, relay::Server::create(loop_.get_executor(), std::move(key), &certificate,
                                              {}, random_, log_));
    WARREN_TRY(auto members, load_members(arguments_));
    server_->service().set_members(std::move(members));
    std::string ports;
    for (const Place& place : places) {
      WARREN_TRY(const Endpoint at, server_->listen(place.endpoint, place.kind));
      ports += fmt::format("{}{}", ports.empty() ? "" : ", ", at.port);
    }
    if (!arguments_.stun.empty()) {
      WARREN_TRY(const Endpoint at, parse_endpoint(arguments_.stun));
      WARREN_TRY(stun_, relay::StunResponder::start({.port = at.port}, random_));
    }
    fmt::print(
        "{{\"key\": \"{}\", \"certificate\": \"sha256-raw:{}\", \"ports\": [{}], "
        "\"stun\": {}}}\n",
        to_hex(public_key.bytes()), to_hex(certificate.fingerprint()), ports,
        stun_ ? stun_->port() : 0);
    static_cast<void>(std::fflush(stdout));
    return {};
  }

  void run() {
    io::spawn(loop_.get_executor(), log_, "signals", heed_signals());
    loop_.run();
    report();
  }

 private:
  asio::awaitable<void> heed_signals() {
    bool is_stopping = false;
    while (!is_stopping) {
      const auto [error, signal] =
          co_await signals_.async_wait(asio::as_tuple(asio::use_awaitable));
      if (error) co_return;
      if (signal == SIGHUP) {
        reload();
      } else {
        is_stopping = true;
      }
    }
    // A second one ends the program at once.
    boost::system::error_code ignored;
    signals_.clear(ignored);
    co_await server_->stop();
    stun_.reset();
    loop_.stop();
  }

  void reload() {
    auto members = load_members(arguments_);
    if (!members) {
      log_.warn("relay: members stay as they were reason=\"{}\"", members.error().detail);
      return;
    }
    log_.info("relay: members read keys={}", (*members)->keys.size());
    server_->service().set_members(std::move(*members));
  }

  void report() {
    const relay::HubCounters& counters = server_->service().hub().counters();
    log_.info(
        "relay: stopped logins={} packets_received={} packets_sent={} overflow={} waited={} "
        "taken_back={} unknown_destination={}",
        counters.logins, counters.packets_received, counters.packets_sent,
        counters.data.overflow + counters.disco.overflow,
        counters.data.waited + counters.disco.waited,
        counters.data.taken_back + counters.disco.taken_back, counters.unknown_destination);
  }

  const Arguments& arguments_;
  Log log_;
  SystemRandom random_;
  asio::io_context loop_{1};
  asio::signal_set signals_;
  std::unique_ptr<relay::Server> server_;
  std::unique_ptr<relay::StunResponder> stun_;
};

Result<void> run(const Arguments& arguments) {
  StaticRelay relay(arguments);
  WARREN_TRY_VOID(relay.start());
  relay.run();
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  const auto add_options = [&](CLI::App& app) {
    const auto add_place = [&](const char* name, auto& into, const char* help) {
      app.add_option(name, into, help)->type_name("ADDRESS:PORT");
    };
    add_place("--listen", arguments.listen, "Serve TLS there");
    add_place("--plain", arguments.plain, "Serve without TLS there");
    add_place("--pages", arguments.pages, "Answer /generate_204 and the like there, no upgrades");
    add_place("--stun", arguments.stun, "Answer STUN on this port, on every address");
    app.add_option("--state", arguments.state, "Keep key and certificate in this directory")
        ->type_name("DIRECTORY");
    app.add_option("--name", arguments.names,
                   "The certificate covers this name or address as well");
    app.add_option("--members", arguments.members, "Admit the node keys in this file")
        ->type_name("FILE");
    app.add_flag("--admit-all", arguments.admit_all, "Admit every key");
    app.add_flag("--verbose", arguments.verbose, "Tell about each connection");
  };
  const e2e::Program program{.name = "warren-test-relay",
                             .description = "A DERP relay and a STUN responder, for tests.",
                             .more = kMore,
                             .add_options = add_options,
                             .run = [&] { return run(arguments); }};
  return e2e::run_program(program, argc, argv);
}
