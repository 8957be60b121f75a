#include "main/server/public_address.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "io/network_monitor.h"

namespace warren::server {
namespace {

constexpr std::string_view kScheme = "https://";

std::unexpected<Error> bad_url(const std::string& url) {
  return fail(Errc::InvalidArgument,
              fmt::format("url \"{}\": expected https and a name or an address, such as "
                          "https://warren.example.org or https://203.0.113.10",
                          url));
}

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

Result<PublicAddress> parse_public_url(const std::string& url) {
  std::string_view rest = url;
  if (!rest.starts_with(kScheme)) return bad_url(url);
  rest.remove_prefix(kScheme.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  PublicAddress out{.url = std::string(kScheme) + std::string(rest), .host = {}, .port = 443};
  const std::size_t bracket = rest.find(']');
  const std::size_t colon = rest.find(':', bracket == std::string_view::npos ? 0 : bracket);
  std::string_view host = rest.substr(0, colon);
  if (colon != std::string_view::npos) {
    const std::string_view port = rest.substr(colon + 1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
    if (error != std::errc() || end != port.data() + port.size() || out.port == 0) {
      return bad_url(url);
    }
  }
  if (host.starts_with('[')) {
    if (!host.ends_with(']')) return bad_url(url);
    host = host.substr(1, host.size() - 2);
    if (!IpAddress::parse(host)) return bad_url(url);
  }
  const auto is_part = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '-' || c == ':';
  };
  if (host.empty() || !std::ranges::all_of(host, is_part)) return bad_url(url);
  out.host = host;
  return out;
}

Result<PublicAddress> public_address(const Config& config) {
  if (!config.url.empty()) return parse_public_url(config.url);
  WARREN_TRY(const IpAddress address, own_address());
  const std::string host =
      address.is_v6() ? fmt::format("[{}]", address.to_string()) : address.to_string();
  return parse_public_url(std::string(kScheme) + host);
}

control::DerpMap own_relay_map(const Config& config,
                               const PublicAddress& address,
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
  node.derp_port = address.port;
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
