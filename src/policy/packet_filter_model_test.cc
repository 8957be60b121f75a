#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "policy/packet_filter.h"
#include "policy/testing.h"

// The packet filter beside the plainest one that can be written: rules tried one by one from their
// texts, flows in a map. Random rules from a small grammar, random packets both ways, filters that
// change, time that passes.
namespace warren::policy {
namespace {

using testing::address;
using testing::PacketSpec;
using testing::prefix;

namespace protocol = ip::protocol;
namespace tcp_flag = ip::tcp_flag;

const std::vector<std::string> kPeers = {"100.64.0.2", "100.64.0.3", "100.64.0.4",
                                         "10.9.0.1",   "fd7a::2",    "fd7a::3"};
const std::vector<std::string> kOurs = {"100.64.0.1",  "10.1.0.5", "10.1.0.6",
                                        "100.64.0.99", "fd7a::1",  "fd00::5"};
const std::vector<std::string> kRanges = {
    "*",           "100.64.0.2",  "100.64.0.0/30", "100.64.0.3-100.64.0.4",
    "10.9.0.0/16", "fd7a::2/127", "fd7a::3",       "10.1.0.0/16",
    "10.1.0.6",    "100.64.0.1",  "fd7a::1",       "fd00::/64",
    "0.0.0.0/0",   "::/0",        "100.64.0.0/10"};
const std::vector<std::uint8_t> kProtocols = {
    protocol::kTcp, protocol::kUdp, protocol::kSctp, protocol::kIcmp, 47, protocol::kIcmpV6};

class Model {
 public:
  struct Config {
    std::vector<WireRule> rules;
    bool shields_up = false;
    std::vector<IpPrefix> jailed;
  };

  void set(Config config) {
    config_ = std::move(config);
    ++generation_;
  }

  bool allows_in(const ip::PacketInfo& packet, TimePoint now) {
    if (!is_ours(packet.destination)) return false;
    if (packet.protocol == protocol::kIcmp || packet.protocol == protocol::kIcmpV6) {
      return allows_icmp(packet);
    }
    const bool is_tcp = packet.protocol == protocol::kTcp;
    const bool is_syn = is_tcp && (packet.tcp_flags & 0x12) == 0x02;
    if (!is_tcp && packet.protocol != protocol::kUdp && packet.protocol != protocol::kSctp) {
      return by_rule(packet, false);
    }
    const auto name = std::tuple(packet.destination, packet.destination_port, packet.source,
                                 packet.source_port, packet.protocol);
    const auto known = flows_.find(name);
    if (known != flows_.end() && !is_alive(name, now)) {
      flows_.erase(known);
    } else if (known != flows_.end() && !is_syn) {
      Known& flow = known->second;
      if (flow.theirs && flow.asked != generation_) flow.cut = !by_rule(packet, false);
      flow.asked = generation_;
      if (flow.cut) return false;
      flow.received = true;
      touch(flow, packet, now);
      return true;
    }
    if (is_tcp && !is_syn) return true;
    if (!by_rule(packet, false)) return false;
    Known& flow = flows_[name] = {.theirs = true, .received = true, .asked = generation_};
    touch(flow, packet, now);
    return true;
  }

  void note_out(const ip::PacketInfo& packet, TimePoint now) {
    const auto name = std::tuple(packet.source, packet.source_port, packet.destination,
                                 packet.destination_port, packet.protocol);
    const std::uint8_t flags = packet.protocol == protocol::kTcp ? packet.tcp_flags & 0x12 : 0;
    if (!flows_.contains(name) || !is_alive(name, now) || flags == 0x02) {
      flows_[name] = {.theirs = flags == 0x12};
    }
    Known& flow = flows_[name];
    if (flow.cut) return;
    flow.sent = true;
    touch(flow, packet, now);
  }

 private:
  using Name = std::tuple<IpAddress, std::uint16_t, IpAddress, std::uint16_t, std::uint8_t>;

  struct Known {
    bool theirs = false;
    bool sent = false;
    bool received = false;
    bool closing = false;
    bool cut = false;
    int asked = 0;
    TimePoint used = {};
  };

  static bool is_ours(const IpAddress& destination) {
    return destination == address("100.64.0.1") || destination == address("fd7a::1") ||
           prefix("10.1.0.0/16").contains(destination) || prefix("fd00::/64").contains(destination);
  }

  static void touch(Known& flow, const ip::PacketInfo& packet, TimePoint now) {
    flow.used = now;
    flow.closing |= packet.protocol == protocol::kTcp && (packet.tcp_flags & 0x05) != 0;
  }

  bool is_alive(const Name& name, TimePoint now) const {
    const Known& flow = flows_.at(name);
    Duration timeout = 30s;
    if (flow.sent && flow.received) {
      if (std::get<4>(name) == protocol::kTcp && !flow.closing) timeout = 24h;
      if (std::get<4>(name) == protocol::kUdp || std::get<4>(name) == protocol::kSctp) {
        timeout = 120s;
      }
    }
    return now < flow.used + timeout;
  }

  static bool covers(const std::string& text, const IpAddress& what) {
    if (text == "*") return true;
    if (const auto dash = text.find('-'); dash != std::string::npos) {
      const IpAddress first = address(text.substr(0, dash));
      return first.is_v4() == what.is_v4() && first <= what &&
             what <= address(text.substr(dash + 1));
    }
    return prefix(text).contains(what);
  }

  bool allows_icmp(const ip::PacketInfo& packet) const {
    const bool is_v4 = packet.version == 4;
    if (is_v4 != (packet.protocol == protocol::kIcmp)) return by_rule(packet, false);
    if (packet.icmp_type == (is_v4 ? 0 : 129)) return true;
    return by_rule(packet, true);
  }

  bool by_rule(const ip::PacketInfo& packet, bool addresses_only) const {
    if (config_.shields_up) return false;
    for (const IpPrefix& jail : config_.jailed) {
      if (jail.contains(packet.source)) return false;
    }
    const bool has_ports = packet.protocol == protocol::kTcp || packet.protocol == protocol::kUdp ||
                           packet.protocol == protocol::kSctp;
    const auto matches = [&](const WireRule& rule) {
      const std::vector<std::int64_t> numbers =
          rule.protocols.empty() ? std::vector<std::int64_t>{1, 6, 17, 58} : rule.protocols;
      const bool is_listed = std::ranges::find(numbers, packet.protocol) != numbers.end();
      return std::ranges::any_of(
                 rule.sources,
                 [&](const std::string& text) { return covers(text, packet.source); }) &&
             std::ranges::any_of(rule.destinations, [&](const WireDestination& destination) {
               const bool fits =
                   has_ports ? destination.first_port <= packet.destination_port &&
                                   packet.destination_port <= destination.last_port
                             : destination.first_port == 0 && destination.last_port == 65535;
               return covers(destination.addresses, packet.destination) &&
                      (addresses_only || (is_listed && fits));
             });
    };
    return std::ranges::any_of(config_.rules, matches);
  }

  Config config_;
  int generation_ = 0;
  std::map<Name, Known> flows_;
};

class Comparison {
 public:
  explicit Comparison(std::uint64_t seed) : random_(seed), filter_(seed) {}

  // Empty, or what differs.
  std::string operator()(int steps) {
    change_filter();
    for (int i = 0; i < steps; ++i) {
      const std::uint64_t dice = random_.below(100);
      if (dice < 2) {
        change_filter();
      } else if (dice < 20) {
        constexpr Duration kSteps[] = {1ms, 1s, 29s, 31s, 119s, 25h};
        now_ += kSteps[random_.below(random_.below(10) == 0 ? std::size(kSteps) : 3)];
      } else if (dice < 50) {
        const ip::PacketInfo packet = testing::parse(random_packet(kOurs, kPeers));
        filter_.check_outbound(packet, now_);
        model_.note_out(packet, now_);
      } else {
        const auto packet = testing::make_packet(random_packet(kPeers, kOurs));
        const ip::PacketInfo info = testing::parse(packet);
        const Verdict verdict = filter_.check_inbound(info, packet, now_);
        if ((verdict == Verdict::Accept) != model_.allows_in(info, now_)) {
          return "step " + std::to_string(i) + ": " + std::string(to_string(verdict)) + " from " +
                 info.source.to_string() + " to " + info.destination.to_string() + " protocol " +
                 std::to_string(info.protocol) + " port " + std::to_string(info.destination_port);
        }
      }
    }
    return {};
  }

 private:
  template <class T>
  const T& one_of(const std::vector<T>& values) {
    return values[random_.below(values.size())];
  }

  PacketSpec random_packet(const std::vector<std::string>& from,
                           const std::vector<std::string>& to) {
    PacketSpec out;
    do {
      out.source = address(one_of(from));
      out.destination = address(one_of(to));
    } while (out.source.is_v4() != out.destination.is_v4());
    constexpr std::uint8_t kFlags[] = {tcp_flag::kSyn, tcp_flag::kSyn | tcp_flag::kAck,
                                       tcp_flag::kAck, tcp_flag::kAck, tcp_flag::kFin};
    constexpr std::uint8_t kTypes[] = {0, 8, 13, 128, 129};
    out.protocol = one_of(kProtocols);
    out.source_port = static_cast<std::uint16_t>(20 + random_.below(3));
    out.destination_port = static_cast<std::uint16_t>(20 + random_.below(3));
    out.tcp_flags = kFlags[random_.below(std::size(kFlags))];
    out.icmp_type = kTypes[random_.below(std::size(kTypes))];
    // A multicast listener report is no neighbour discovery, an IPv4 echo is in IPv6 an error.
    if (out.source.is_v6() && out.protocol == protocol::kIcmpV6) {
      out.icmp_type = static_cast<std::uint8_t>(128 + random_.below(5));
    }
    return out;
  }

  WireRule random_rule() {
    WireRule rule;
    for (std::uint64_t n = random_.below(4); n > 0; --n) rule.sources.push_back(one_of(kRanges));
    for (std::uint64_t n = random_.below(4); n > 0; --n) {
      const std::pair<std::int64_t, std::int64_t> ports[] = {
          {0, 65535}, {21, 21}, {21, 22}, {0, 21}, {22, 65535}};
      const auto& [first, last] = ports[random_.below(std::size(ports))];
      rule.destinations.push_back(
          {.addresses = one_of(kRanges), .first_port = first, .last_port = last});
    }
    for (std::uint64_t n = random_.below(3); n > 0; --n) {
      rule.protocols.push_back(one_of(kProtocols));
    }
    return rule;
  }

  void change_filter() {
    Model::Config config;
    for (std::uint64_t n = random_.below(5); n > 0; --n) config.rules.push_back(random_rule());
    config.shields_up = random_.below(8) == 0;
    if (random_.below(4) == 0) config.jailed.push_back(prefix(one_of(kPeers)));
    filter_.set_filter(
        testing::make_filter({.rules = testing::rules(config.rules),
                              .addresses = {address("100.64.0.1"), address("fd7a::1")},
                              .routes = {prefix("10.1.0.0/16"), prefix("fd00::/64")},
                              .own_networks = {},
                              .jailed = config.jailed,
                              .peer_api = {},
                              .shields_up = config.shields_up}));
    model_.set(std::move(config));
  }

  SeededRandom random_;
  PacketFilter filter_;
  Model model_;
  TimePoint now_{1h};
};

TEST(PacketFilterModel, AgreesOverRandomRulesAndPackets) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    ASSERT_EQ(Comparison(seed)(300), "") << "seed " << seed;
  }
}

}  // namespace
}  // namespace warren::policy
