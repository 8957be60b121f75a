#include "cli/node_answers.h"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "base/ip_address.h"
#include "cli/local_api.h"
#include "cli/node_bus.h"
#include "cli/text_table.h"
#include "node/core/status_text.h"

namespace warren::cli {

namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return out;
}

std::string_view short_of(std::string_view dns_name) {
  return dns_name.substr(0, dns_name.find('.'));
}

}  // namespace

std::string name_of(const node::StatusPeer& machine) {
  const std::string_view name = short_of(machine.dns_name);
  return name.empty() ? fmt::format("\"{}\"", printable(machine.host_name)) : printable(name);
}

Result<std::string> fetch_status(Context& context, Peers peers) {
  return LocalApi::node(context).get(peers == Peers::With ? "status" : "status?peers=false");
}

Result<node::Status> read_status(Context& context, std::string_view json) {
  auto status = node::decode_status(json);
  if (status) warn_of_version(status->version, context);
  return status;
}

Result<node::Status> fetch_running_status(Context& context, Peers peers) {
  WARREN_TRY(const auto json, fetch_status(context, peers));
  WARREN_TRY(auto status, read_status(context, json));
  if (auto why = node::not_running_text(status)) {
    while (why->ends_with('\n')) why->pop_back();
    return fail(Errc::Io, std::move(*why));
  }
  return status;
}

Result<const node::StatusPeer*> find_machine(const node::Status& status, std::string_view text) {
  std::vector<const node::StatusPeer*> machines;
  if (status.self) machines.push_back(&*status.self);
  for (const auto& [key, peer] : status.peers) machines.push_back(&peer);

  std::string wanted = lower(text);
  if (wanted.ends_with('.')) wanted.pop_back();
  const auto address = IpAddress::parse(text);
  using Test = std::function<bool(const node::StatusPeer&)>;
  const std::vector<Test> ways = {
      [&](const node::StatusPeer& peer) {
        return address && std::ranges::find(peer.overlay_ips, *address) != peer.overlay_ips.end();
      },
      [&](const node::StatusPeer& peer) { return lower(peer.dns_name) == wanted + "."; },
      [&](const node::StatusPeer& peer) { return lower(short_of(peer.dns_name)) == wanted; },
      [&](const node::StatusPeer& peer) { return lower(peer.host_name) == wanted; },
  };
  if (!wanted.empty()) {
    for (const Test& is_meant : ways) {
      const auto first = std::ranges::find_if(
          machines, [&](const node::StatusPeer* peer) { return is_meant(*peer); });
      if (first == machines.end()) continue;
      const auto second =
          std::find_if(std::next(first), machines.end(),
                       [&](const node::StatusPeer* peer) { return is_meant(*peer); });
      if (second == machines.end()) return *first;
      return fail(Errc::InvalidArgument,
                  fmt::format("{} and {} are both called {}: use an address, or the full name",
                              name_of(**first), name_of(**second), text));
    }
  }
  return fail(Errc::NotFound,
              fmt::format("there is no machine {}: `warren status` shows them all", text));
}

}  // namespace warren::cli
