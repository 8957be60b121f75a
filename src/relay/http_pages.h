#pragma once

#include <cstdint>
#include <string>

#include "crypto/keys.h"
#include "io/http_request.h"
#include "io/http_routes.h"

// What a relay answers over HTTP (spec: paths section 2.7): the upgrade, probes of latency and of
// captive portals, and a page for people.
namespace warren::relay {

class Service;

// Registers /derp, which `service` serves, and all pages. `service` outlives the listeners.
void add_routes(io::HttpRoutes& routes, Service& service);

// What a request for /derp asks for.
enum class Upgrade : std::uint8_t {
  None,       // 426
  Plain,      // 101 first
  FastStart,  // no response at all
};

Upgrade upgrade_of(const io::HttpRequest& request);

std::string switching_protocols(const RelayPublicKey& key);
std::string upgrade_required();

}  // namespace warren::relay
