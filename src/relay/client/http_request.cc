#include "relay/client/http_request.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/ip_address.h"

namespace warren::relay::client {

namespace {

std::string host_of(const Node& node) {
  for (const std::string& name : {node.host_name, node.ipv4, node.ipv6}) {
    if (!is_printable(name)) continue;
    const auto address = IpAddress::parse(name);
    return address && address->is_v6() ? fmt::format("[{}]", name) : name;
  }
  return "relay.invalid";
}

}  // namespace

bool is_printable(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

std::string http_request(std::string_view path, const Node& node, std::string_view fields) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\n{}\r\n", path, host_of(node), fields);
}

}  // namespace warren::relay::client
