#include "cli/admin_hub.h"

#include <algorithm>
#include <memory>
#include <ostream>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include "cli/admin.h"
#include "cli/admin_call.h"

namespace warren::cli {

namespace {

void print_hub(const ServerHub& hub, Context& context) {
  TextTable facts;
  facts.add({"State", describe(hub)});
  if (!hub.public_key.empty()) facts.add({"Key", printable(hub.public_key)});
  if (hub.state == "up") {
    facts.add({"Carried",
               fmt::format("{} packets, {} bytes", hub.forwarded_packets, hub.forwarded_bytes)});
  }
  context.out << facts.text();
  const auto is_device = [](const HubPeer& peer) { return peer.is_device; };
  if (std::ranges::none_of(hub.peers, is_device)) return;
  TextTable table;
  table.add({"DEVICE", "ADDRESS", "HEARD AT", "LAST HANDSHAKE", "STATE"});
  for (const HubPeer& peer : hub.peers) {
    if (!peer.is_device) continue;
    table.add({printable(peer.name), peer.addresses.empty() ? "-" : printable(peer.addresses[0]),
               peer.endpoint.empty() ? "-" : printable(peer.endpoint),
               peer.last_handshake ? relative(*peer.last_handshake, context.wall_now()) : "never",
               peer.is_online ? "online" : "silent"});
  }
  context.out << "\n" << table.text();
}

int run_hub(bool json, Context& context) {
  return call_admin<ServerHub>(
      context, {.command = "admin hub", .method = "GET", .target = "hub", .body = {}},
      json ? Form::Json : Form::Text, [&](const ServerHub& hub) { print_hub(hub, context); });
}

}  // namespace

std::string describe(const ServerHub& hub) {
  if (!hub.problem.empty()) return printable(fmt::format("{}: {}", hub.state, hub.problem));
  if (hub.state != "up") {
    return hub.state == "off" ? "off: it begins with the first device" : printable(hub.state);
  }
  std::size_t devices = 0;
  std::size_t online = 0;
  for (const HubPeer& peer : hub.peers) {
    if (!peer.is_device) continue;
    ++devices;
    online += peer.is_online ? 1U : 0U;
  }
  return fmt::format("up: device {}, UDP port {}, {} device{}, {} online", printable(hub.device),
                     hub.port, devices, devices == 1 ? "" : "s", online);
}

void add_admin_hub(CLI::App& admin, Context& context) {
  auto json = std::make_shared<bool>(false);
  CLI::App* const hub =
      admin.add_subcommand("hub", "What carries stock WireGuard devices, and where they are");
  hub->footer("Example:\n  sudo warren admin hub");
  hub->add_flag("--json", *json, "Print JSON");
  hub->callback([json, &context] { context.exit_code = run_hub(*json, context); });
}

}  // namespace warren::cli
