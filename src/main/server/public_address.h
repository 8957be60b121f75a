#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "main/server/config.h"
#include "proto/control/derp_map.h"

namespace warren::server {

// Where machines reach this server: of its url.
struct PublicAddress {
  std::string url;   // without a slash at the end
  std::string host;  // a name, or an address without brackets
  std::uint16_t port = 443;

  bool operator==(const PublicAddress&) const = default;
};

// "https://HOST" or "https://HOST:PORT".
Result<PublicAddress> parse_public_url(const std::string& url);
// The configured one; else https and the address of the interface that leads to the Internet.
Result<PublicAddress> public_address(const Config& config);

// The relay map of a server on its own. `pin`: the fingerprint of a certificate that is our own;
// empty: the certificate is one that everybody trusts.
control::DerpMap own_relay_map(const Config& config,
                               const PublicAddress& address,
                               const std::string& pin);

}  // namespace warren::server
