#pragma once

#include <string>
#include <string_view>

// Names of nodes: DNS labels of 1 to 63 letters, digits and inner hyphens, lower case (spec: server
// section 1.3 item 7, demand R10).
namespace warren::netmap {

inline constexpr std::size_t kMaxLabel = 63;      // RFC 1035 section 2.3.4
inline constexpr std::size_t kMaxHostname = 253;  // RFC 1035 section 2.3.4, as text

bool is_label(std::string_view text);

// What a machine calls itself, made a label: the part before the first dot, other characters become
// hyphens. "node" when nothing is left.
std::string to_label(std::string_view hostname);

// The label with "-1", "-2", … behind it, never too long.
std::string numbered_label(std::string_view label, unsigned number);

}  // namespace warren::netmap
