#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "node/core/os_dns.h"

// The text of resolv.conf(5). Pure.
namespace warren::node {

inline constexpr std::size_t kMaxResolvConf = 64 * 1024;  // a few hundred bytes as a rule

struct ResolvConf {
  std::vector<std::string> nameservers;  // as written: link-local ones have a zone
  std::vector<std::string> search;
  std::vector<std::string> options;

  bool operator==(const ResolvConf&) const = default;
};

// What cannot be understood is skipped, as libc does it. The last search or domain line counts.
ResolvConf parse_resolv_conf(std::string_view text);

// Nameservers that are addresses without a zone, but `own`, and the search list.
OsDnsBase to_base(const ResolvConf& conf, const std::vector<IpAddress>& own);

// Where libc asks when it is told of no nameserver.
inline constexpr IpAddress kLocalNameserver = IpAddress::v4({127, 0, 0, 1});

// Who wrote it, by the comments that it begins with (spec: node-features section 4.7).
enum class ResolvConfWriter : std::uint8_t {
  Unknown,
  Warren,
  Resolved,
  Resolvconf,
  NetworkManager
};

ResolvConfWriter writer_of(std::string_view text);

// Our own file: the plan's nameservers, or the host's where the plan has none; the plan's search
// list before the host's; the host's options. `backup`: where the host's own is, for the header.
std::string make_resolv_conf(const OsDnsConfig& config,
                             const ResolvConf& host,
                             std::string_view backup);

// What resolvconf programs take: nameservers and search list, without a header.
std::string make_record(const OsDnsConfig& config);

}  // namespace warren::node
