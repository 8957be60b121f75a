#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"
#include "proto/control/dns.h"

// What the local API says of names (spec: node-features section 17.2). What the server said is
// control::DnsConfig.
namespace warren::node {

// A host's setup. Of dns-osconfig: what it has without us.
struct DnsHostAnswer {
  std::vector<IpAddress> nameservers;
  std::vector<std::string> search_domains;
  std::vector<std::string> match_domains;

  bool operator==(const DnsHostAnswer&) const = default;
};

// Of dns-query.
struct DnsQueryAnswer {
  std::vector<std::uint8_t> bytes;           // the DNS message
  std::vector<control::Resolver> resolvers;  // whom it was asked of; none: we knew it

  bool operator==(const DnsQueryAnswer&) const = default;
};

// Of warren/dns: what no stock client has to say.
struct DnsStatusAnswer {
  bool accept_dns = false;
  bool is_served = false;  // our resolver answers
  std::string manager;     // of the host's names: "file", "systemd-resolved", …
  DnsHostAnswer told;      // what the host was told; empty: nothing
  std::int64_t queries = 0;
  std::int64_t forwarded = 0;
  std::int64_t failed = 0;
  std::vector<std::string> problems;  // a sentence each

  bool operator==(const DnsStatusAnswer&) const = default;
};

std::string encode_dns_host(const DnsHostAnswer& answer);
std::string encode_dns_query(const DnsQueryAnswer& answer);
std::string encode_dns_status(const DnsStatusAnswer& answer);

Result<DnsHostAnswer> decode_dns_host(std::string_view json);
Result<DnsQueryAnswer> decode_dns_query(std::string_view json);
Result<DnsStatusAnswer> decode_dns_status(std::string_view json);

}  // namespace warren::node
