#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

// Names of nodes, and of users. Those of nodes are DNS labels of 1 to 63 letters, digits and inner
// hyphens, lower case (spec: server section 1.3 item 7, demand R10).
namespace warren::netmap {

inline constexpr std::size_t kMaxLabel = 63;      // RFC 1035 section 2.3.4
inline constexpr std::size_t kMaxLogin = 254;     // an e-mail address (RFC 5321 section 4.5.3.1.3)
inline constexpr std::size_t kMaxHostname = 253;  // RFC 1035 section 2.3.4, as text

bool is_label(std::string_view text);

// For whoever chose it.
Result<void> check_name(std::string_view text);
std::unexpected<Error> name_is_taken(std::string_view name);

// Of a user: shown in many places, and part of commands.
bool is_login(std::string_view text);

// What a machine calls itself, made a label: the part before the first dot, other characters become
// hyphens. "node" when nothing is left.
std::string to_label(std::string_view hostname);

// The label with "-1", "-2", … behind it, never too long.
std::string numbered_label(std::string_view label, unsigned number);

}  // namespace warren::netmap
