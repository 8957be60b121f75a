#include <algorithm>

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "lab/lab.h"

namespace warren::lab {

namespace {

std::string_view to_string(LabState state) {
  switch (state) {
    case LabState::Down:
      return "down";
    case LabState::Broken:
      return "broken";
    case LabState::Up:
      return "up";
  }
  std::unreachable();
}

boost::json::array to_json(const std::vector<std::string>& texts) {
  boost::json::array out;
  for (const std::string& text : texts) out.emplace_back(text);
  return out;
}

boost::json::object to_json(const HostStatus& host) {
  boost::json::object out;
  out["name"] = host.name;
  out["place"] = host.place;
  out["namespace"] = host.network;
  out["addresses"] = to_json(host.addresses);
  out["udp_blocked"] = host.is_udp_blocked;
  boost::json::array& processes = out["processes"].emplace_array();
  for (const RunningProcess& process : host.processes) {
    boost::json::object one;
    one["pid"] = process.id;
    one["command"] = process.command;
    processes.push_back(std::move(one));
  }
  return out;
}

boost::json::object to_json(const RouterStatus& router) {
  boost::json::object out;
  out["name"] = router.name;
  out["behind"] = router.behind;
  out["outside"] = to_json(router.outside);
  out["sessions"] = router.sessions;
  boost::json::object& drops = out["drops"].emplace_object();
  for (const auto& [reason, count] : router.drops) drops[reason] = count;
  return out;
}

// "a, b"; "-" for none.
template <class Range, class TextOf>
std::string listed(const Range& range, TextOf text_of) {
  std::string out;
  for (const auto& item : range) {
    if (!out.empty()) out += ", ";
    out += text_of(item);
  }
  return out.empty() ? "-" : out;
}

using Row = std::vector<std::string>;

// In columns as wide as their widest cell; the first row is the heading.
std::string table(const std::vector<Row>& rows) {
  std::string out;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t column = 0; column < row.size(); ++column) {
      std::size_t width = 0;
      for (const Row& other : rows) width = std::max(width, other[column].size());
      line += fmt::format("{:<{}}", row[column], width + 2);
    }
    out += line.substr(0, line.find_last_not_of(' ') + 1) + '\n';
  }
  return out;
}

std::string host_table(const LabStatus& status) {
  std::vector<Row> rows{{"HOST", "PLACE", "ADDRESSES", "UDP", "RUNNING"}};
  for (const HostStatus& host : status.hosts) {
    rows.push_back({host.name, host.place, listed(host.addresses, [](auto& text) { return text; }),
                    host.is_udp_blocked ? "blocked" : "-",
                    listed(host.processes, [](const RunningProcess& process) {
                      return fmt::format("{} ({})", process.command, process.id);
                    })});
  }
  return table(rows);
}

std::string router_table(const LabStatus& status) {
  std::vector<Row> rows{{"ROUTER", "BEHIND", "OUTSIDE", "SESSIONS", "DROPPED"}};
  for (const RouterStatus& router : status.routers) {
    rows.push_back({router.name, router.behind.empty() ? "-" : router.behind,
                    listed(router.outside, [](auto& text) { return text; }),
                    fmt::format("{}", router.sessions), listed(router.drops, [](const auto& drop) {
                      return fmt::format("{} {}", drop.first, drop.second);
                    })});
  }
  return table(rows);
}

}  // namespace

boost::json::object to_json(const LabStatus& status) {
  boost::json::object out;
  out["name"] = status.name;
  out["state"] = to_string(status.state);
  if (status.state == LabState::Down) return out;
  out["control"] = status.control;
  boost::json::array& hosts = out["hosts"].emplace_array();
  for (const HostStatus& host : status.hosts) hosts.push_back(to_json(host));
  boost::json::array& routers = out["routers"].emplace_array();
  for (const RouterStatus& router : status.routers) routers.push_back(to_json(router));
  return out;
}

std::string to_text(const LabStatus& status) {
  switch (status.state) {
    case LabState::Down:
      return "No lab is up. Make one: warren lab up\n";
    case LabState::Broken:
      return "The lab is broken: its router does not run. Remove it: warren lab down; or make it "
             "anew: warren lab up\n\n" +
             host_table(status);
    case LabState::Up:
      break;
  }
  return fmt::format("{}\n{}", host_table(status), router_table(status));
}

}  // namespace warren::lab
