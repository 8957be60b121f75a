#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proto/wgquick/config.h"

// The values of single keys. None: the text is not such a value.
namespace warren::wgquick {

std::string_view trim(std::string_view text);
bool equal_ignoring_case(std::string_view a, std::string_view b);

// Decimal.
std::optional<std::uint32_t> parse_number(std::string_view text, std::uint32_t max);
std::optional<std::uint32_t> parse_fw_mark(std::string_view text);     // off, decimal, 0xhex
std::optional<std::uint16_t> parse_keepalive(std::string_view text);   // off, 0 to 65535
std::optional<InterfaceAddress> parse_address(std::string_view text);  // without /n: the host alone
std::optional<RouteTable> parse_table(std::string_view text);
std::optional<EndpointName> parse_endpoint(std::string_view text);

// Takes the next item off the front of a list that commas or spaces separate; none at its end.
std::optional<std::string_view> next_item(std::string_view& list);

}  // namespace warren::wgquick
