#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/json/object.hpp>

#include "base/ip_address.h"
#include "base/json_map.h"
#include "base/result.h"
#include "lab/network.h"
#include "lab/topology.h"

// What the control socket is asked: one JSON object a line, whose "do" says which command.
//
//   {"do": "link", "of": "laptop", "both": {"delay": "20ms"}}    or "up", "down": one way
//   {"do": "link_state", "of": "laptop", "state": "down"}        or "up"
//   {"do": "forget", "router": "home"}
//   {"do": "external", "router": "home", "addresses": ["203.0.113.9"]}
//   {"do": "block", "of": "home", "what": "udp"}                 as firewall.block in a topology
//   {"do": "move", "host": "laptop", "behind": "office", "addresses": ["10.0.0.5/24"]}
//   {"do": "counters"}
//
// Replies are a line each: {"ok": true, …} or {"ok": false, "error": "…"}.
namespace warren::lab {

struct SetLink {
  std::string of;
  std::optional<LinkQuality> both;
  std::optional<LinkQuality> up;
  std::optional<LinkQuality> down;
};

struct SetLinkState {
  std::string of;
  LinkState state = LinkState::Up;
};

struct Forget {
  std::string router;
};

struct SetExternal {
  std::string router;
  std::vector<IpAddress> addresses;
};

// Of a router, or of a host's own link.
struct SetBlock {
  std::string of;
  Block what = Block::Nothing;
};

// What is absent stays.
struct Move {
  std::string host;
  std::optional<std::string> behind;
  std::optional<std::vector<InterfaceAddress>> addresses;
};

struct GetCounters {};

using Command =
    std::variant<SetLink, SetLinkState, Forget, SetExternal, SetBlock, Move, GetCounters>;

void fields(json::ObjectReader& visit, SetLink& x);
void fields(json::ObjectReader& visit, SetLinkState& x);
void fields(json::ObjectReader& visit, Forget& x);
void fields(json::ObjectReader& visit, SetExternal& x);
void fields(json::ObjectReader& visit, SetBlock& x);
void fields(json::ObjectReader& visit, Move& x);
void fields(json::ObjectReader& visit, GetCounters& x);

Result<Command> parse_command(std::string_view line);

// With a newline at the end.
std::string format_reply(const Result<boost::json::object>& result);

// By name: what was sent and received, and drops that are not zero.
boost::json::object to_json(const std::vector<NodeCounters>& counters);

}  // namespace warren::lab
