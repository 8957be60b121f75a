#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "base/ip_address.h"
#include "base/result.h"

namespace warren::lab {

// Of one node in the reply to {"do": "counters"}.
struct NodeReport {
  std::string behind;
  std::string block = "nothing";
  std::vector<IpAddress> external;
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::uint64_t sessions = 0;
  std::map<std::string, std::uint64_t> drops;
};

using NodeReports = std::map<std::string, NodeReport>;

// Sends one command (command.h) to the router that listens on `path`, and waits for the reply. An
// error is the router's own, or says that there is none. The nodes are empty but for counters.
Result<NodeReports> ask_router(const std::string& path, const boost::json::object& command);

// Its reply; for tests.
Result<NodeReports> parse_reply(std::string_view line);

}  // namespace warren::lab
