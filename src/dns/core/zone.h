#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/ip_address.h"
#include "dns/core/host_table.h"
#include "proto/dns/message.h"

namespace warren::dns {

// Seconds (spec: node-features section 4.1).
inline constexpr std::uint32_t kTtl = 5;
inline constexpr std::uint32_t kNegativeTtl = 10;

// "magicdns.localhost-tailscale-daemon.": our own address, for probes (4.2, step 2).
inline constexpr std::string_view kDaemonName = "magicdns.localhost-tailscale-daemon";

struct StaticRecord {
  Name name;
  IpAddress address;

  bool operator==(const StaticRecord&) const = default;
};

// What we answer ourselves, besides the hosts of the HostTable.
struct ZoneConfig {
  std::vector<IpAddress> service_addresses;  // under which we are asked
  // Single-label names are looked up below these, in this order; empty: they are not.
  std::vector<Name> suffixes;
  // What is below these and not known does not exist. Reverse zones too.
  std::vector<Name> authoritative;
  std::vector<StaticRecord> records;
  bool gives_aaaa = false;     // capability magicdns-aaaa: of hosts that have IPv4 too
  bool has_ipv6_only = false;  // we have no IPv4 address: A of hosts is withheld instead

  bool operator==(const ZoneConfig&) const = default;
};

// What we know without asking anybody (spec: node-features section 4.2, steps 1 to 7 without 3).
// Immutable.
class Zone {
 public:
  explicit Zone(const ZoneConfig& config);

  // Steps 1 to 6: names that we know, and those that nobody shall be asked about. None: it is none
  // of these.
  std::optional<Answer> answer(const Question& question, const HostTable& hosts) const;

  // The longest name for which we are authoritative that holds this one.
  std::optional<Name> authority(const Name& name) const;

  // Step 7: a name below `authority` that we do not know.
  Answer denial(const Question& question, const Name& authority) const;

 private:
  // A name that we know.
  struct Found {
    std::vector<IpAddress> addresses;
    bool is_host = false;
  };

  std::optional<Found> find(const Name& name, const HostTable& hosts) const;
  std::optional<Found> find_full(const Name& name, const HostTable& hosts) const;
  std::optional<Answer> answer_reverse(const Question& question, const HostTable& hosts) const;
  Answer answer_found(const Question& question, const Found& found) const;
  Answer empty_answer(const Name& name) const;

  ZoneConfig config_;  // without what is in the tables
  // By wire form.
  std::unordered_map<std::string, std::vector<IpAddress>, WireHash, std::equal_to<>> records_;
  std::unordered_set<std::string, WireHash, std::equal_to<>> authoritative_;
  std::unordered_map<IpAddress, Name> reverse_;  // of records_
};

}  // namespace warren::dns
