#include "cli/wg_profile.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/text_table.h"

namespace warren::cli {

namespace {

std::string list(const std::vector<std::string>& texts) {
  return printable(fmt::to_string(fmt::join(texts, ", ")));
}

}  // namespace

std::string wg_quick_text(const WgProfile& profile, std::string_view private_key) {
  const std::string key = private_key.empty()
                              ? std::string("# PrivateKey = the one that only the device has")
                              : fmt::format("PrivateKey = {}", private_key);
  const std::string dns =
      profile.dns.empty()
          ? std::string()
          : fmt::format("DNS = {}, {}\n", printable(profile.dns), printable(profile.search));
  return fmt::format(
      "[Interface]\n{}\nAddress = {}\n{}MTU = {}\n\n"
      "[Peer]\nPublicKey = {}\nEndpoint = {}\nAllowedIPs = {}\nPersistentKeepalive = {}\n",
      key, list(profile.addresses), dns, profile.mtu, printable(profile.hub_key),
      printable(profile.endpoint), list(profile.allowed_ips), profile.keepalive);
}

}  // namespace warren::cli
