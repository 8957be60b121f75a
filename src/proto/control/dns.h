#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "proto/control/common.h"

// How names are resolved (spec: control section 7.5).
namespace warren::control {

struct Resolver {
  std::string addr;  // "1.1.1.1", "ip:port", "https://...", "http://ip:port/dns-query"
  std::vector<IpAddress> bootstrap_resolution;
  bool use_with_exit_node = false;

  bool operator==(const Resolver&) const = default;
};

struct DnsRecord {
  std::string name;
  std::string type;  // empty, "A", "AAAA"
  std::string value;

  bool operator==(const DnsRecord&) const = default;
};

struct DnsConfig {
  std::vector<Resolver> resolvers;
  std::vector<Resolver> fallback_resolvers;
  // By suffix. No resolvers: answered from the map. Written as [], never null: nulls were lost in
  // stock clients (spec: control section 11, item 11).
  std::map<std::string, std::vector<Resolver>> routes;
  std::vector<std::string> domains;  // to search, without the last dot; the network's own first
  bool proxied = false;              // names of the map are answered
  std::vector<std::string> cert_domains;
  std::vector<DnsRecord> extra_records;
  std::vector<std::string> exit_node_filtered_set;

  bool operator==(const DnsConfig&) const = default;
};

}  // namespace warren::control
