#pragma once

#include <string>
#include <string_view>

#include "proto/relay/region.h"

namespace warren::relay::client {

// Could end a header field if it were not.
bool is_printable(std::string_view text);

// The head of a GET request to the node; `fields` are whole lines.
std::string http_request(std::string_view path, const Node& node, std::string_view fields);

}  // namespace warren::relay::client
