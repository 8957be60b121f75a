#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace warren::acme {

inline constexpr std::size_t kMaxUrl = 2048;  // those of authorities have about a hundred bytes

// An https URL that an authority names: where to ask, and what for.
struct Url {
  std::string host;  // a name in lower case, or an address without brackets
  std::uint16_t port = 443;
  std::string target = "/";  // path and query

  bool has_same_origin(const Url& other) const { return host == other.host && port == other.port; }

  bool operator==(const Url&) const = default;
};

// None for another scheme, user names, fragments, and whatever does not belong into a request line.
std::optional<Url> parse_url(std::string_view text);

}  // namespace warren::acme
