#pragma once

#include <string_view>
#include <vector>

#include "base/time.h"
#include "netmap/tables.h"
#include "proto/control/dns.h"

namespace warren::control {

// The names of the devices that the hub carries, for DnsConfig::extra_records: they are in nobody's
// map but the hub's. A and AAAA each, in the order of the nodes' numbers; `domain` without a dot at
// the end.
std::vector<DnsRecord> device_records(const netmap::Tables& tables,
                                      std::string_view domain,
                                      WallTime now);

}  // namespace warren::control
