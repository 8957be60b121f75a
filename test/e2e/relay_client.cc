#include <cstdint>
#include <string>

#include <CLI/App.hpp>

#include "base/hex.h"
#include "base/log.h"
#include "crypto/system_random.h"
#include "e2e/program.h"
#include "e2e/relay_client_driver.h"

namespace {

using namespace warren;  // NOLINT(google-build-using-namespace): the program is all Warren

constexpr const char* kMore =
    "Commands come on standard input, events go to standard output, one a line:\n"
    "test/compat/README.md.\n"
    "\n"
    "Example:\n"
    "  warren-test-relay-client --host 192.0.2.1 --name relay.example --pin sha256-raw:...";

struct Arguments {
  std::string host = "127.0.0.1";
  std::uint16_t port = 443;
  std::string name;
  std::string pin;
  std::string key;
  bool verbose = false;
};

Result<relay::Node> node_of(const Arguments& arguments) {
  const auto address = IpAddress::parse(arguments.host);
  if (!address) return fail(Errc::InvalidArgument, "--host: no address: " + arguments.host);
  relay::Node out;
  out.name = "1";
  out.host_name = arguments.name.empty() ? arguments.host : arguments.name;
  out.cert_name = arguments.pin;
  out.insecure_for_tests = arguments.pin.empty();
  out.ipv4 = address->is_v6() ? "none" : arguments.host;
  out.ipv6 = address->is_v6() ? arguments.host : "none";
  out.relay_port = arguments.port;
  return out;
}

Result<NodePrivateKey> key_of(const Arguments& arguments, Random& random) {
  if (arguments.key.empty()) return NodePrivateKey::generate(random);
  Secret<kKeySize> bytes;
  if (!parse_hex(arguments.key, bytes.mutable_bytes())) {
    return fail(Errc::InvalidArgument, "--key: no key of 64 digits");
  }
  return NodePrivateKey(bytes.bytes());
}

Result<void> run(const Arguments& arguments) {
  SystemRandom random;
  WARREN_TRY(relay::Node node, node_of(arguments));
  WARREN_TRY(NodePrivateKey key, key_of(arguments, random));
  Log log = Log::to_stderr(arguments.verbose ? LogLevel::Debug : LogLevel::Info);
  e2e::RelayClientDriver driver(random, log);
  WARREN_TRY_VOID(driver.start({.relay = std::move(node), .key = std::move(key)}));
  driver.run();
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  const auto add_options = [&](CLI::App& app) {
    app.add_option("--host", arguments.host, "Address of the relay")->type_name("ADDRESS");
    app.add_option("--port", arguments.port, "Its TLS port")->type_name("PORT");
    app.add_option("--name", arguments.name, "Its name; the address if it is not given");
    app.add_option("--pin", arguments.pin, "Of its certificate; without it any certificate will do")
        ->type_name("sha256-raw:HEX");
    app.add_option("--key", arguments.key, "Our private key; a new one if it is not given")
        ->type_name("HEX");
    app.add_flag("--verbose", arguments.verbose, "Tell about the connection");
  };
  const e2e::Program program{.name = "warren-test-relay-client",
                             .description = "A node's relay client alone, driven by lines.",
                             .more = kMore,
                             .add_options = add_options,
                             .run = [&] { return run(arguments); }};
  return e2e::run_program(program, argc, argv);
}
