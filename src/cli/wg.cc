#include "cli/wg.h"

#include <memory>
#include <ostream>
#include <string_view>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include "base/hex.h"
#include "crypto/packet_cipher.h"
#include "plain/config_file.h"
#include "plain/runner.h"

namespace warren::cli {

namespace {

constexpr std::string_view kMore =
    "Sets up the device, its addresses and its routes, talks to any WireGuard peer, and undoes all "
    "of\n"
    "it at the end. Stop it with Ctrl-C or SIGTERM; SIGHUP reads the file again without "
    "disturbing\n"
    "peers that did not change. Needs root (CAP_NET_ADMIN).\n"
    "\n"
    "Example, /etc/wireguard/wg0.conf (chmod 600):\n"
    "  [Interface]\n"
    "  PrivateKey = (the output of `wg genkey`)\n"
    "  Address = 10.0.0.2/24\n"
    "\n"
    "  [Peer]\n"
    "  PublicKey = (of the other end)\n"
    "  Endpoint = vpn.example.org:51820\n"
    "  AllowedIPs = 10.0.0.0/24\n"
    "  PersistentKeepalive = 25\n"
    "\n"
    "Then:\n"
    "  warren wg --config /etc/wireguard/wg0.conf --check    is the file good?\n"
    "  warren wg --config /etc/wireguard/wg0.conf            bring wg0 up\n"
    "  wg show wg0                                           in another terminal: is the peer "
    "there?\n"
    "\n"
    "With wg-quick, which then does addresses, routes, DNS and hooks itself:\n"
    "  WG_QUICK_USERSPACE_IMPLEMENTATION=warren-wg wg-quick up wg0";

template <class... Args>
int fail_with(Context& context, int code, fmt::format_string<Args...> format, Args&&... args) {
  context.err << "warren wg: " << fmt::format(format, std::forward<Args>(args)...) << '\n';
  return code;
}

Result<plain::RunOptions> to_options(const WgArgs& args) {
  plain::RunOptions options;
  if (args.config.empty() && args.name.empty()) {
    return fail(
        Errc::InvalidArgument,
        "give a configuration with --config FILE, or only --name DEV for a device that `wg` "
        "and wg-quick configure; `warren wg --help` shows an example");
  }
  if (!args.config.empty()) options.config_path = args.config;
  if (args.name.empty()) {
    WARREN_TRY(options.device, plain::device_name_of(args.config));
  } else if (plain::is_device_name(args.name)) {
    options.device = args.name;
  } else {
    return fail(
        Errc::InvalidArgument,
        fmt::format("--name {}: a device's name has 1 to 15 letters, digits or _=+.-", args.name));
  }
  const CipherChoice* const cipher = parse_cipher_choice(args.cipher);
  if (cipher == nullptr) {
    return fail(Errc::InvalidArgument,
                fmt::format("--cipher {}: choose auto, ipsec-mb or evp", args.cipher));
  }
  options.cipher = *cipher;
  options.udp_gso = !args.no_udp_gso;
  options.udp_gro = !args.no_udp_gro;
  if (args.no_tun_offloads) options.tun_offloads = io::TunOffloadChoice::None;
  return options;
}

int check(const plain::RunOptions& options, Context& context) {
  if (!options.config_path) {
    return fail_with(context, kBadUsage, "--check needs a file: give one with --config");
  }
  const auto file = plain::load_config_file(*options.config_path);
  if (!file) return fail_with(context, kFailed, "{}", file.error().detail);
  const auto& [interface, peers] = file->config;
  if (file->is_world_readable) {
    context.err << fmt::format(
        "warren wg: warning: everybody on this machine can read the private key in {0}: run `chmod "
        "600 {0}`\n",
        *options.config_path);
  }
  context.out << fmt::format("{}: OK: device {}, addresses {}, peers {}\n", *options.config_path,
                             options.device, interface.addresses.size(), peers.size());
  return 0;
}

void announce(const plain::Ready& ready, Context& context) {
  if (ready.public_key.is_zero()) {
    context.err << fmt::format(
        "warren: {0} is up, listening on UDP port {1}, and has no key yet: configure it with `wg "
        "setconf {0} FILE` or `wg set {0} private-key FILE`\n",
        ready.device, ready.listen_port);
  } else {
    context.err << fmt::format("warren: {} is up, listening on UDP port {}, public key {}\n",
                               ready.device, ready.listen_port,
                               to_base64(ready.public_key.bytes()));
  }
  context.err.flush();
}

}  // namespace

int run_wg(const WgArgs& args, Context& context) {
  const auto options = to_options(args);
  if (!options) return fail_with(context, kBadUsage, "{}", options.error().detail);
  const LogLevel* const level = parse_log_level(args.log_level);
  if (level == nullptr) {
    return fail_with(context, kBadUsage, "--log-level {}: choose trace, debug, info, warn or error",
                     args.log_level);
  }
  if (args.check) return check(*options, context);

  const auto work = [&](const std::function<void()>& ready) {
    const auto done = context.run_wg(*options, *level, [&](const plain::Ready& device) {
      announce(device, context);
      ready();
    });
    return done ? 0 : fail_with(context, kFailed, "{}", done.error().detail);
  };
  return args.background ? context.in_background(work) : work([] {});
}

void add_wg(CLI::App& root, Context& context) {
  auto args = std::make_shared<WgArgs>();
  CLI::App* const command =
      root.add_subcommand("wg", "Run a WireGuard device from a stock wg-quick file");
  command->footer(std::string(kMore));
  command->add_option("-c,--config", args->config, "The wg-quick file")->type_name("FILE");
  command
      ->add_option("-n,--name", args->name,
                   "The device (default: the file's name without .conf); without --config, a "
                   "device for `wg` and wg-quick to configure")
      ->type_name("DEV");
  command->add_flag("--check", args->check, "Only read the file and say whether it is good");
  command->add_flag("-b,--background", args->background,
                    "Return when the device is up, and go on in the background without a log");
  command
      ->add_option("--log-level", args->log_level, "trace, debug, info, warn or error, on stderr")
      ->type_name("LEVEL")
      ->capture_default_str();
  command->add_option("--cipher", args->cipher, "Who encrypts packets: auto, ipsec-mb or evp")
      ->type_name("NAME")
      ->capture_default_str();
  command->add_flag("--no-udp-gso", args->no_udp_gso, "Send each UDP datagram alone");
  command->add_flag("--no-udp-gro", args->no_udp_gro, "Receive each UDP datagram alone");
  command->add_flag("--no-tun-offloads", args->no_tun_offloads,
                    "Exchange single packets with the device");
  command->callback([args, &context] { context.exit_code = run_wg(*args, context); });
}

}  // namespace warren::cli
