#include "control/core/device_records.h"

#include <fmt/format.h>

#include "netmap/addresses.h"

namespace warren::control {

std::vector<DnsRecord> device_records(const netmap::Tables& tables,
                                      std::string_view domain,
                                      WallTime now) {
  std::vector<DnsRecord> out;
  for (const auto& [id, device] : tables.devices()) {
    if (!device.is_active(now)) continue;
    const netmap::Node& node = *tables.find_node(id);
    const std::string name = fmt::format("{}.{}", node.name, domain);
    out.push_back({.name = name, .type = "A", .value = node.v4.to_string()});
    out.push_back({.name = name, .type = "AAAA", .value = netmap::v6_of(node.v4).to_string()});
  }
  return out;
}

}  // namespace warren::control
