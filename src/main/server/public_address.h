#pragma once

#include <string>

#include "base/result.h"
#include "main/server/config.h"
#include "proto/control/derp_map.h"
#include "proto/control/server_url.h"

namespace warren::server {

// Where machines reach this server: the configured url, which must be one of https; else https and
// the address of the interface that leads to the Internet.
Result<control::ServerUrl> public_address(const Config& config);

// The relay map of a server on its own. `pin`: the fingerprint of a certificate that is our own;
// empty: the certificate is one that everybody trusts.
control::DerpMap own_relay_map(const Config& config,
                               const control::ServerUrl& address,
                               const std::string& pin);

}  // namespace warren::server
