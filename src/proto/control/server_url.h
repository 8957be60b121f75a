#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace warren::control {

// The two ways to a coordination server. Noise authenticates both.
enum class Leg : std::uint8_t { Plain, Tls };

// Where a coordination server is: http[s]://host[:port] and the ports that follow from it (spec:
// control section 2.1).
struct ServerUrl {
  Leg preferred = Leg::Tls;  // as the scheme says
  std::string host;          // a name in lower case, or an address without brackets
  std::optional<std::uint16_t> plain_port;
  std::optional<std::uint16_t> tls_port;

  // Of the preferred leg there is always one.
  std::optional<std::uint16_t> port(Leg leg) const {
    return leg == Leg::Tls ? tls_port : plain_port;
  }

  // "host:port", or "host" where the port is the scheme's own; an IPv6 address in brackets.
  std::string authority() const;
  std::string authority(std::uint16_t port) const;  // always with the port
  std::string text() const;                         // the URL, without a slash behind it

  bool operator==(const ServerUrl&) const = default;
};

// Slashes at the end are nothing; everything else behind the port is refused, with words for
// whoever typed it.
Result<ServerUrl> parse_server_url(std::string_view text);

}  // namespace warren::control
