#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace warren::io {

// "a=1&b=x%20y" as forms send it: '+' is a space too. A name without '=' has an empty value; of a
// repeated name the first counts. BadValue: a '%' without two hex digits.
Result<std::map<std::string, std::string>, DecodeError> parse_query(std::string_view text);

// All but the unreserved characters of RFC 3986 section 2.3 as %XX.
std::string percent_encode(std::string_view text);

}  // namespace warren::io
