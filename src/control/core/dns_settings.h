#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "proto/control/dns.h"

namespace warren::control {

// What the operator says of names, for the whole network.
struct DnsSettings {
  bool magic = true;                   // nodes answer the names of the network
  std::vector<std::string> resolvers;  // for all other names: "192.0.2.53", "[2001:db8::53]:5353"
  bool override_local = false;         // …also where a machine has some of its own
  // By suffix. No resolvers: only `records` are there.
  std::map<std::string, std::vector<std::string>> split;
  std::vector<std::string> search;  // behind the network's own domain
  std::vector<DnsRecord> records;

  bool operator==(const DnsSettings&) const = default;
};

// A name in DNS, with or without the dot at the end (RFC 1035 section 2.3.4; "_" as in services'
// names).
bool is_domain(std::string_view text);
// An address, or one with a port.
bool is_resolver(std::string_view text);
// A or AAAA, or empty, with an address of that family.
bool is_record(const DnsRecord& record);

// The same for every node (spec: control section 7.5). `domain` is the network's, without a dot at
// the end; `devices` are the records of what has a name without being told this. What is_… refuses
// must not be in the settings.
DnsConfig render_dns(const DnsSettings& settings,
                     std::string_view domain,
                     std::vector<DnsRecord> devices);

}  // namespace warren::control
