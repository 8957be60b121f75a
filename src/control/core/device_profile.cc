#include "control/core/device_profile.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/hex.h"
#include "base/json_object.h"
#include "control/core/admin_json.h"
#include "control/core/render.h"
#include "netmap/addresses.h"

namespace warren::control {
namespace {

constexpr unsigned kRangeV4 = 10;  // 100.64.0.0/10
constexpr unsigned kRangeV6 = 48;  // fd7a:115c:a1e0::/48

// "https://vpn.example:8443/x" is "vpn.example", "http://[2001:db8::1]" is "[2001:db8::1]".
std::string_view host_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of("/?#"));
  const std::size_t bracket = url.find(']');
  if (bracket != std::string_view::npos) return url.substr(0, bracket + 1);
  return url.substr(0, url.find(':'));
}

std::vector<std::string> texts(const std::vector<IpPrefix>& prefixes) {
  std::vector<std::string> out;
  std::ranges::transform(prefixes, std::back_inserter(out),
                         [](const IpPrefix& prefix) { return prefix.to_string(); });
  return out;
}

}  // namespace

Result<DeviceProfile> make_profile(const netmap::Node& device,
                                   const netmap::Node& hub,
                                   std::string_view url,
                                   std::uint16_t hub_port,
                                   std::string_view domain) {
  const std::string_view host = host_of(url);
  if (host.empty()) {
    return fail(Errc::Unavailable,
                "this server does not know under which name it is reached: say it as \"url\" in "
                "its configuration");
  }
  DeviceProfile out{.hub_key = hub.key,
                    .endpoint = fmt::format("{}:{}", host, hub_port),
                    .addresses = {},
                    .dns = hub.v4,
                    .search = std::string(domain),
                    .allowed_ips = {IpPrefix(netmap::nth_v4(0), kRangeV4),
                                    IpPrefix(netmap::v6_of(IpAddress::v4({})), kRangeV6)}};
  append_addresses(device, out.addresses);
  return out;
}

std::string to_json(const DeviceProfile& profile) {
  return json::ObjectText()
      .text("hub_key", to_base64(profile.hub_key.bytes()))
      .text("endpoint", profile.endpoint)
      .json("addresses", to_json(texts(profile.addresses)))
      .text("dns", profile.dns.to_string())
      .text("search", profile.search)
      .json("allowed_ips", to_json(texts(profile.allowed_ips)))
      .number("keepalive", kDeviceKeepalive)
      .number("mtu", kDeviceMtu)
      .done();
}

}  // namespace warren::control
