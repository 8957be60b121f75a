#include "lab/command.h"

#include <utility>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "lab/topology_fields.h"

namespace warren::lab {

void fields(json::ObjectReader& visit, SetLink& x) {
  visit.required("of", x.of);
  visit("both", x.both);
  visit("up", x.up);
  visit("down", x.down);
}

void fields(json::ObjectReader& visit, SetLinkState& x) {
  visit.required("of", x.of);
  visit.required("state", x.state);
}

void fields(json::ObjectReader& visit, Forget& x) {
  visit.required("router", x.router);
}

void fields(json::ObjectReader& visit, SetExternal& x) {
  visit.required("router", x.router);
  visit.required("addresses", x.addresses);
  const std::string_view why_not = why_not_external(x.addresses);
  visit.check("addresses", why_not.empty(), why_not);
}

void fields(json::ObjectReader& visit, SetBlock& x) {
  visit.required("of", x.of);
  visit.required("what", x.what);
}

void fields(json::ObjectReader& visit, Move& x) {
  visit.required("host", x.host);
  visit("behind", x.behind);
  visit("addresses", x.addresses);
}

void fields(json::ObjectReader&, GetCounters&) {}

namespace {

template <class T>
Result<Command> read_as(const boost::json::value& from) {
  WARREN_TRY(T command, json::read_document<T>(from));
  return command;
}

struct Name {
  std::string_view text;
  Result<Command> (*read)(const boost::json::value&);
};

constexpr Name kNames[] = {
    {"link", read_as<SetLink>},         {"link_state", read_as<SetLinkState>},
    {"forget", read_as<Forget>},        {"external", read_as<SetExternal>},
    {"block", read_as<SetBlock>},       {"move", read_as<Move>},
    {"counters", read_as<GetCounters>},
};

boost::json::object to_json(const DropCounts& drops) {
  boost::json::object out;
  for (std::size_t i = 0; i < drops.size(); ++i) {
    if (drops[i] != 0) out[to_string(static_cast<Drop>(i))] = drops[i];
  }
  return out;
}

}  // namespace

Result<Command> parse_command(std::string_view line) {
  WARREN_TRY(auto value, json::parse(line));
  auto* const object = value.if_object();
  const auto* const what = object == nullptr ? nullptr : object->if_contains("do");
  if (what == nullptr || !what->is_string()) {
    return fail(Errc::InvalidArgument, "expected an object with \"do\": the name of a command");
  }
  const std::string name(what->get_string());
  object->erase("do");
  for (const Name& known : kNames) {
    if (known.text == name) return known.read(value);
  }
  return fail(Errc::InvalidArgument, fmt::format("do: there is no command \"{}\"", name));
}

std::string format_reply(const Result<boost::json::object>& result) {
  boost::json::object out;
  if (result) out = *result;
  out["ok"] = result.has_value();
  if (!result) out["error"] = result.error().detail;
  return boost::json::serialize(out) + '\n';
}

boost::json::object to_json(const std::vector<NodeCounters>& counters) {
  boost::json::object out;
  for (const NodeCounters& node : counters) {
    boost::json::object& entry = out[node.name].emplace_object();
    if (!node.behind.empty()) entry["behind"] = node.behind;
    if (node.block != Block::Nothing) entry["block"] = to_string(node.block);
    if (!node.external.empty()) {
      boost::json::array& external = entry["external"].emplace_array();
      for (const IpAddress& address : node.external) external.emplace_back(address.to_string());
    }
    entry["sent"] = node.sent;
    entry["received"] = node.received;
    if (node.is_router) entry["sessions"] = node.sessions;
    entry["drops"] = to_json(node.drops);
  }
  return out;
}

}  // namespace warren::lab
