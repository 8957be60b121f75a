#pragma once

#include <memory>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"
#include "policy/filter_rules.h"
#include "policy/rule_matcher.h"
#include "policy/verdict.h"
#include "proto/ip/packet.h"

namespace warren::policy {

// What a filter is made from.
struct FilterConfig {
  FilterRules rules;
  std::vector<IpAddress> addresses;    // our own, service addresses among them
  std::vector<IpPrefix> routes;        // that we advertise and that were approved
  std::vector<IpPrefix> own_networks;  // of our interfaces: not part of a default route
  std::vector<IpPrefix> jailed;        // allowed IPs of peers that may only answer us
  std::vector<Endpoint> peer_api;      // where TCP is let in whatever the rules say
  bool shields_up = false;             // no rules: whoever may come in, only answers do

  bool operator==(const FilterConfig&) const = default;
};

// The stateless half of the packet filter: what addresses and rules say of a packet that a peer
// sent (spec: policy sections 7.1 to 7.4). That its source belongs to that peer was checked before.
// Immutable, published as a snapshot; packet_filter.h remembers flows and is what the packet path
// calls. Two binary searches a question, no allocation.
class Filter {
 public:
  // Fails when there are more rules and ranges than AddressClasses holds.
  static Result<std::shared_ptr<const Filter>> create(const FilterConfig& config);

  // As if the packet were the first of its flow; a TCP segment that opens no connection and an ICMP
  // error belong to one, and pass.
  Verdict judge(const ip::PacketInfo& packet) const;

  // Whether a flow of this packet's ports may be begun from outside.
  Verdict judge_start(const ip::PacketInfo& packet) const;

  // Whether packets may come from there to here at all, be they answers.
  Verdict judge_addresses(const ip::PacketInfo& packet) const;

 private:
  struct Place {
    Verdict verdict = Verdict::Accept;
    RuleMatcher::ClassId source = AddressClasses::kNothing;
    RuleMatcher::ClassId destination = AddressClasses::kNothing;
  };

  Filter(const FilterConfig& config, RuleMatcher matcher);

  Place locate(const ip::PacketInfo& packet) const;
  bool is_peer_api(const ip::PacketInfo& packet) const;
  Verdict judge_icmp(const ip::PacketInfo& packet, const Place& place) const;
  bool is_jailed(const Place& place) const;
  // What is said where rules could not be asked, or did not match.
  Verdict refusal(const Place& place, Verdict otherwise) const;

  RuleMatcher matcher_;
  std::vector<Endpoint> peer_api_;
  bool shields_up_ = false;
};

}  // namespace warren::policy
