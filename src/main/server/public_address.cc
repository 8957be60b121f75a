#include "main/server/public_address.h"

#include <algorithm>

#include <fmt/format.h>

#include "io/network_monitor.h"

namespace warren::server {
namespace {

// Of the interface with the default route; IPv4 first: every machine has that.
Result<IpAddress> own_address() {
  WARREN_TRY(io::NetworkMonitor monitor, io::NetworkMonitor::open({}));
  WARREN_TRY(const io::NetworkState state, monitor.read());
  for (const bool is_v6 : {false, true}) {
    const unsigned link = is_v6 ? state.default_v6 : state.default_v4;
    const auto found = std::ranges::find_if(state.addresses, [&](const io::LinkAddress& address) {
      return link != 0 && address.link == link && address.address.is_v6() == is_v6 &&
             !address.address.is_link_local();
    });
    if (found != state.addresses.end()) return found->address;
  }
  return fail(Errc::NotFound,
              "this machine has no way to the Internet, so its address is not known: say how "
              "others reach it with --url https://NAME");
}

}  // namespace

Result<control::ServerUrl> public_address(const Config& config) {
  if (config.url.empty()) {
    WARREN_TRY(const IpAddress address, own_address());
    const std::string host =
        address.is_v6() ? fmt::format("[{}]", address.to_string()) : address.to_string();
    return control::parse_server_url("https://" + host);
  }
  WARREN_TRY(auto out, control::parse_server_url(config.url));
  if (out.preferred != control::Leg::Tls) {
    return fail(Errc::InvalidArgument,
                fmt::format("url {}: machines need https: stock clients trust nothing else at a "
                            "public address",
                            config.url));
  }
  return out;
}

control::DerpMap own_relay_map(const Config& config,
                               const control::ServerUrl& address,
                               const std::string& pin) {
  const relay::RegionId id{config.relay.region};
  control::DerpNode node;
  node.name = fmt::format("{}a", config.relay.region);
  node.region_id = id;
  node.host_name = address.host;
  if (!pin.empty()) node.cert_name = "sha256-raw:" + pin;
  if (const auto literal = IpAddress::parse(address.host)) {
    // What is not said would be asked of DNS.
    node.ipv4 = literal->is_v4() ? address.host : "none";
    node.ipv6 = literal->is_v6() ? address.host : "none";
  }
  node.derp_port = address.tls_port.value_or(443);
  node.stun_port = config.listen.stun == 0 ? -1 : config.listen.stun;
  node.can_port80 = !config.listen.http.empty();
  control::DerpRegion region;
  region.region_id = id;
  region.region_code = config.relay.code;
  region.region_name = config.network.name;
  region.nodes = {std::move(node)};
  control::DerpMap out;
  out.regions.emplace();
  out.regions->emplace(id, std::move(region));
  out.omit_default_regions = true;
  return out;
}

}  // namespace warren::server
