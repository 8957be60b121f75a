#pragma once

#include <string>
#include <string_view>

#include "crypto/keys.h"
#include "io/http_request.h"

// What a relay answers over HTTP besides packets (spec: paths section 2.7): probes of latency and
// of captive portals, and a page for people.
namespace warren::relay {

// A whole response, for requests that do not ask for an upgrade.
std::string answer_page(const io::HttpRequest& request);

// What a request for /derp asks for.
enum class Upgrade : std::uint8_t {
  None,       // 426
  Plain,      // 101 first
  FastStart,  // no response at all
};

bool is_relay_path(const io::HttpRequest& request);
Upgrade upgrade_of(const io::HttpRequest& request);

std::string switching_protocols(const RelayPublicKey& key);
std::string upgrade_required();
std::string bad_request();

}  // namespace warren::relay
