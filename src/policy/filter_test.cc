#include "policy/filter.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "policy/testing.h"

namespace warren::policy {
namespace {

using testing::address;
using testing::make_filter;
using testing::PacketSpec;
using testing::parse;
using testing::prefix;
using testing::rules;
using testing::wire_rule;

namespace protocol = ip::protocol;
namespace tcp_flag = ip::tcp_flag;

const IpAddress kSelf = address("100.64.0.1");
const IpAddress kFriend = address("100.64.0.2");    // may reach TCP and UDP 22 and 80 to 89
const IpAddress kStranger = address("100.64.0.3");  // in no rule
const IpAddress kSelf6 = address("fd7a:115c:a1e0::1");
const IpAddress kFriend6 = address("fd7a:115c:a1e0::2");

FilterConfig config() {
  return {
      .rules = rules({wire_rule({"100.64.0.2", "fd7a:115c:a1e0::2"}, {{"100.64.0.1", 22, 22},
                                                                      {"100.64.0.1", 80, 89},
                                                                      {"fd7a:115c:a1e0::1", 22, 22},
                                                                      {"10.1.0.0/16", 443, 443}}),
                      wire_rule({"100.64.0.4"}, {{"100.64.0.1", 0, 65535}}, {47}),
                      wire_rule({"100.64.0.5"}, {{"100.64.0.1", 0, 100}}, {47}),
                      wire_rule({"100.64.0.6"}, {{"*", 0, 65535}}, {132}),
                      wire_rule({"100.64.0.7"}, {{"*", 0, 65535}})}),
      .addresses = {kSelf, kSelf6},
      .routes = {prefix("10.1.0.0/16")},
      .own_networks = {},
      .jailed = {},
      .peer_api = {{.address = kSelf, .port = 4321}}};
}

PacketSpec to_self(std::string_view from, std::uint8_t number, std::uint16_t port) {
  return {.source = address(from),
          .destination = kSelf,
          .protocol = number,
          .source_port = 1000,
          .destination_port = port,
          .tcp_flags = tcp_flag::kSyn};
}

PacketSpec icmp(std::string_view from, std::uint8_t type) {
  const IpAddress source = address(from);
  return {.source = source,
          .destination = source.is_v4() ? kSelf : kSelf6,
          .protocol = source.is_v4() ? protocol::kIcmp : protocol::kIcmpV6,
          .icmp_type = type};
}

struct Case {
  const char* what;
  PacketSpec packet;
  Verdict verdict;
};

void check(const Filter& filter, const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    EXPECT_EQ(to_string(filter.judge(parse(one.packet))), to_string(one.verdict)) << one.what;
  }
}

TEST(Filter, LetsInWhatARuleAllows) {  // policy section 7.1
  check(*make_filter(config()),
        {
            {"TCP SYN", to_self("100.64.0.2", protocol::kTcp, 22), Verdict::Accept},
            {"a port inside a range", to_self("100.64.0.2", protocol::kTcp, 85), Verdict::Accept},
            {"its last port", to_self("100.64.0.2", protocol::kTcp, 89), Verdict::Accept},
            {"the one behind", to_self("100.64.0.2", protocol::kTcp, 90), Verdict::NoRule},
            {"the one before", to_self("100.64.0.2", protocol::kTcp, 79), Verdict::NoRule},
            {"UDP", to_self("100.64.0.2", protocol::kUdp, 22), Verdict::Accept},
            {"SCTP is not in the default set", to_self("100.64.0.2", protocol::kSctp, 22),
             Verdict::NoRule},
            {"SCTP by its own rule", to_self("100.64.0.6", protocol::kSctp, 22), Verdict::Accept},
            {"that rule has no TCP", to_self("100.64.0.6", protocol::kTcp, 22), Verdict::NoRule},
            {"another source", to_self("100.64.0.3", protocol::kTcp, 22), Verdict::NoRule},
            {"IPv6",
             {.source = kFriend6,
              .destination = kSelf6,
              .protocol = protocol::kTcp,
              .destination_port = 22,
              .tcp_flags = tcp_flag::kSyn},
             Verdict::Accept},
            {"the other address's port",
             {.source = kFriend6,
              .destination = kSelf6,
              .protocol = protocol::kTcp,
              .destination_port = 80,
              .tcp_flags = tcp_flag::kSyn},
             Verdict::NoRule},
            {"a route",
             {.source = kFriend, .destination = address("10.1.2.3"), .destination_port = 443},
             Verdict::Accept},
        });
}

TEST(Filter, ReadsConnectionsByTheirFlags) {
  const auto filter = make_filter(config());
  const std::pair<unsigned, Verdict> cases[] = {
      {tcp_flag::kSyn, Verdict::NoRule},
      {tcp_flag::kSyn | tcp_flag::kEce | tcp_flag::kCwr, Verdict::NoRule},
      {tcp_flag::kSyn | tcp_flag::kFin, Verdict::NoRule},
      {tcp_flag::kSyn | tcp_flag::kAck, Verdict::Accept},
      {tcp_flag::kAck, Verdict::Accept},
      {tcp_flag::kRst, Verdict::Accept},
      {tcp_flag::kFin, Verdict::Accept},
      {0, Verdict::Accept},
  };
  for (const auto& [flags, verdict] : cases) {
    PacketSpec packet = to_self("100.64.0.3", protocol::kTcp, 22);
    packet.tcp_flags = static_cast<std::uint8_t>(flags);
    EXPECT_EQ(filter->judge(parse(packet)), verdict) << flags;
  }
}

TEST(Filter, LetsPingsInWhereAnyRuleHasTheAddresses) {
  check(*make_filter(config()),
        {
            {"echo", icmp("100.64.0.2", 8), Verdict::Accept},
            {"echo by a rule for GRE", icmp("100.64.0.5", 8), Verdict::Accept},
            {"echo of a stranger", icmp("100.64.0.3", 8), Verdict::NoRule},
            {"echo reply of a stranger", icmp("100.64.0.3", 0), Verdict::Accept},
            {"unreachable", icmp("100.64.0.3", 3), Verdict::Accept},
            {"time exceeded", icmp("100.64.0.3", 11), Verdict::Accept},
            {"parameter problem", icmp("100.64.0.3", 12), Verdict::Accept},
            {"source quench is no error any more", icmp("100.64.0.3", 4), Verdict::NoRule},
            {"timestamp", icmp("100.64.0.3", 13), Verdict::NoRule},
            {"redirect", icmp("100.64.0.2", 5), Verdict::LinkLocal},
            {"IPv6 echo", icmp("fd7a:115c:a1e0::2", 128), Verdict::Accept},
            {"IPv6 echo of a stranger", icmp("fd7a:115c:a1e0::3", 128), Verdict::NoRule},
            {"IPv6 echo reply", icmp("fd7a:115c:a1e0::3", 129), Verdict::Accept},
            {"too big", icmp("fd7a:115c:a1e0::3", 2), Verdict::Accept},
            {"neighbour solicitation", icmp("fd7a:115c:a1e0::2", 135), Verdict::LinkLocal},
            {"router advertisement", icmp("fd7a:115c:a1e0::2", 134), Verdict::LinkLocal},
        });
  PacketSpec wrong_family = icmp("100.64.0.3", 129);
  wrong_family.protocol = protocol::kIcmpV6;
  EXPECT_EQ(make_filter(config())->judge(parse(wrong_family)), Verdict::UnknownProtocol);
}

TEST(Filter, LetsOtherProtocolsInByAnItemWithAllPorts) {
  check(*make_filter(config()),
        {
            {"GRE", to_self("100.64.0.4", 47, 0), Verdict::Accept},
            {"GRE by some ports", to_self("100.64.0.5", 47, 0), Verdict::UnknownProtocol},
            {"ESP", to_self("100.64.0.4", protocol::kEsp, 0), Verdict::UnknownProtocol},
            {"default set", to_self("100.64.0.7", 47, 0), Verdict::UnknownProtocol},
            {"TSMP", to_self("100.64.0.3", protocol::kTsmp, 0), Verdict::Accept},
        });
  PacketSpec cut = to_self("100.64.0.3", protocol::kTsmp, 0);
  cut.more_fragments = true;
  EXPECT_EQ(make_filter(config())->judge(parse(cut)), Verdict::Fragment);
}

TEST(Filter, TakesNoPacketForItsNeighbours) {
  const auto to = [](std::string_view destination) {
    const IpAddress where = address(destination);
    return PacketSpec{.source = where.is_v4() ? address("100.64.0.7") : kFriend6,
                      .destination = where,
                      .destination_port = 443};
  };
  FilterConfig exit = config();
  exit.routes.push_back(prefix("0.0.0.0/0"));
  exit.own_networks = {prefix("192.168.7.0/24")};
  check(*make_filter(config()),
        {
            {"another node", to("100.64.0.99"), Verdict::NotLocal},
            {"outside the route", to("10.2.0.1"), Verdict::NotLocal},
            {"first of the route", to("10.1.0.0"), Verdict::Accept},
            {"broadcast of the route", to("10.1.255.255"), Verdict::Multicast},
            {"mDNS", to("224.0.0.251"), Verdict::Multicast},
            {"mDNS on IPv6", to("ff02::fb"), Verdict::Multicast},
            {"link-local", to("169.254.1.1"), Verdict::LinkLocal},
            {"link-local on IPv6", to("fe80::1"), Verdict::LinkLocal},
            {"metadata, not ours", to("169.254.169.254"), Verdict::NotLocal},
        });
  check(*make_filter(exit), {
                                {"the Internet", to("198.51.100.1"), Verdict::Accept},
                                {"the exit's own network", to("192.168.7.9"), Verdict::NotLocal},
                                {"a route wins over it", to("10.1.2.3"), Verdict::Accept},
                                {"metadata", to("169.254.169.254"), Verdict::Accept},
                                {"loopback", to("127.0.0.1"), Verdict::Bogon},
                                {"this network", to("0.1.2.3"), Verdict::Bogon},
                                {"all hosts", to("255.255.255.255"), Verdict::Bogon},
                            });
}

TEST(Filter, KeepsDefaultRoutesOutOfOwnNetworksInEveryDisguise) {
  FilterConfig exit = config();
  exit.rules = rules({wire_rule({"*"}, {{"*", 0, 65535}})});
  exit.routes = {prefix("0.0.0.0/0"), prefix("::/0")};
  exit.own_networks = {prefix("192.168.7.0/24"), prefix("fd00:7::/64")};
  const auto filter = make_filter(exit);
  const std::pair<const char*, Verdict> cases[] = {
      {"2001:db8::1", Verdict::Accept},
      {"fd00:7::9", Verdict::NotLocal},
      {"fd00:8::9", Verdict::Accept},
      {"64:ff9b::c0a8:0709", Verdict::NotLocal},
      {"2002:c0a8:0709::1", Verdict::NotLocal},
      {"64:ff9b::7f00:1", Verdict::Bogon},
      {"2002:7f00:1::", Verdict::Bogon},
      {"64:ff9b::c633:6401", Verdict::Accept},
      {"::ffff:1.2.3.4", Verdict::Bogon},
      {"::1", Verdict::Bogon},
      {"::", Verdict::Bogon},
  };
  for (const auto& [destination, verdict] : cases) {
    EXPECT_EQ(filter->judge(parse({.source = kFriend6, .destination = address(destination)})),
              verdict)
        << destination;
  }
}

TEST(Filter, RefusesSourcesThatNobodyHas) {
  FilterConfig open = config();
  open.rules = rules({wire_rule({"*"}, {{"*", 0, 65535}})});
  const auto filter = make_filter(open);
  const std::pair<const char*, Verdict> cases[] = {
      {"100.64.0.3", Verdict::Accept},
      {"100.64.0.1", Verdict::Bogon},
      {"127.0.0.1", Verdict::Bogon},
      {"0.0.0.0", Verdict::Bogon},
      {"0.255.255.255", Verdict::Bogon},
      {"1.0.0.0", Verdict::Accept},
      {"239.1.2.3", Verdict::Bogon},
      {"255.255.255.255", Verdict::Bogon},
      {"::", Verdict::Bogon},
      {"::1", Verdict::Bogon},
      {"::ffff:10.0.0.1", Verdict::Bogon},
      {"64:ff9b::6440:1", Verdict::Bogon},
      {"2002:6440:1::5", Verdict::Bogon},
      {"2002:6440:2::5", Verdict::Accept},
      {"2002:7f12::", Verdict::Bogon},
      {"fd7a:115c:a1e0::1", Verdict::Bogon},
      {"fd7a:115c:a1e0::9", Verdict::Accept},
  };
  for (const auto& [source, verdict] : cases) {
    const IpAddress from = address(source);
    PacketSpec packet{.source = from, .destination = from.is_v4() ? kSelf : kSelf6};
    EXPECT_EQ(filter->judge(parse(packet)), verdict) << source;
    packet.protocol = protocol::kTcp;  // nor in the middle of a connection
    EXPECT_EQ(filter->judge(parse(packet)), verdict) << source;
  }
}

TEST(Filter, TreatsFragmentsAsTheirOffsetSays) {
  const auto filter = make_filter(config());
  for (const bool is_v6 : {false, true}) {
    PacketSpec packet{.source = is_v6 ? kFriend6 : kFriend,
                      .destination = is_v6 ? kSelf6 : kSelf,
                      .destination_port = 22,
                      .more_fragments = true};
    EXPECT_EQ(filter->judge(parse(packet)), Verdict::Accept);
    packet.destination_port = 23;
    EXPECT_EQ(filter->judge(parse(packet)), Verdict::NoRule);
    packet.fragment_offset = 80;
    EXPECT_EQ(filter->judge(parse(packet)), Verdict::Accept);
    packet.fragment_offset = 72;
    EXPECT_EQ(filter->judge(parse(packet)), Verdict::Fragment);
    packet.fragment_offset = 80;
    packet.destination = is_v6 ? address("fd7a::99") : address("100.64.0.99");
    EXPECT_EQ(filter->judge(parse(packet)), Verdict::NotLocal);
  }
}

TEST(Filter, NamesWhatIsWrongWithAPacket) {
  const auto filter = make_filter(config());
  auto cut = testing::make_packet(to_self("100.64.0.2", protocol::kTcp, 22));
  cut.resize(ip::kIpv4MinHeaderSize + 10);
  cut[3] = static_cast<std::uint8_t>(cut.size());
  EXPECT_EQ(filter->judge(parse(cut)), Verdict::BadHeader);
  const PacketSpec routed{
      .source = kFriend6, .destination = kSelf6, .protocol = protocol::kRouting};
  EXPECT_EQ(filter->judge(parse(routed)), Verdict::ExtensionHeader);
}

TEST(Filter, LetsEveryoneReachThePeerApi) {
  for (const bool shields_up : {false, true}) {
    FilterConfig with = config();
    with.shields_up = shields_up;
    with.jailed = {prefix("100.64.0.3/32")};
    const auto filter = make_filter(with);
    EXPECT_EQ(filter->judge(parse(to_self("100.64.0.3", protocol::kTcp, 4321))), Verdict::Accept);
    EXPECT_NE(filter->judge(parse(to_self("100.64.0.3", protocol::kUdp, 4321))), Verdict::Accept);
    EXPECT_NE(filter->judge(parse(to_self("100.64.0.3", protocol::kTcp, 4322))), Verdict::Accept);
  }
}

TEST(Filter, HasNoRulesWithShieldsUp) {
  FilterConfig with = config();
  with.shields_up = true;
  check(*make_filter(with),
        {
            {"SYN", to_self("100.64.0.2", protocol::kTcp, 22), Verdict::ShieldsUp},
            {"UDP", to_self("100.64.0.2", protocol::kUdp, 22), Verdict::ShieldsUp},
            {"echo", icmp("100.64.0.2", 8), Verdict::ShieldsUp},
            {"echo reply", icmp("100.64.0.2", 0), Verdict::Accept},
            {"GRE", to_self("100.64.0.4", 47, 0), Verdict::ShieldsUp},
        });
}

TEST(Filter, HasNoRulesForJailedPeers) {
  FilterConfig with = config();
  with.jailed = {prefix("100.64.0.2/32")};
  check(*make_filter(with),
        {
            {"SYN", to_self("100.64.0.2", protocol::kTcp, 22), Verdict::Jailed},
            {"echo", icmp("100.64.0.2", 8), Verdict::Jailed},
            {"echo reply", icmp("100.64.0.2", 0), Verdict::Accept},
            {"GRE of another peer", to_self("100.64.0.4", 47, 0), Verdict::Accept},
        });
}

TEST(Filter, LetsNothingInWithoutRules) {
  FilterConfig with = config();
  with.rules = {};
  check(*make_filter(with),
        {
            {"SYN", to_self("100.64.0.2", protocol::kTcp, 22), Verdict::NoRule},
            {"answer",
             {.source = kFriend, .destination = kSelf, .protocol = protocol::kTcp},
             Verdict::Accept},
        });
}

TEST(Filter, AnswersTheSameWithAndWithoutItsTableOfPairs) {
  // So many sources and destinations that pairs are compared when asked.
  FilterConfig large = config();
  std::vector<WireRule> wire;
  for (int i = 0; i < 300; ++i) {
    const std::string number = std::to_string(i % 250) + "." + std::to_string(i / 250 + 1);
    wire.push_back(wire_rule({"100.70." + number}, {{"10.1." + number, i, i}}));
  }
  large.rules = rules(wire);
  const auto filter = make_filter(large);
  for (int i = 0; i < 300; ++i) {
    for (const int j : {i, (i + 1) % 300}) {
      const auto name = [](int k) {
        return std::to_string(k % 250) + "." + std::to_string(k / 250 + 1);
      };
      const PacketSpec packet{.source = address("100.70." + name(i)),
                              .destination = address("10.1." + name(j)),
                              .destination_port = static_cast<std::uint16_t>(j)};
      EXPECT_EQ(filter->judge(parse(packet)), i == j ? Verdict::Accept : Verdict::NoRule) << i;
      PacketSpec ping = packet;
      ping.protocol = protocol::kIcmp;
      ping.icmp_type = ip::icmp_type::kEcho;
      EXPECT_EQ(filter->judge(parse(ping)), i == j ? Verdict::Accept : Verdict::NoRule) << i;
    }
  }
}

TEST(Verdict, HasANameForEachValue) {
  EXPECT_EQ(to_string(Verdict::Accept), "accept");
  EXPECT_EQ(to_string(Verdict::NoRule), "no_rule");
  EXPECT_EQ(to_string(Verdict::Jailed), "jailed");
}

}  // namespace
}  // namespace warren::policy
