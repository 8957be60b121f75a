#include "lab/firewall.h"

#include <array>

#include <gtest/gtest.h>

namespace warren::lab {

namespace {

constexpr TimePoint kStart{1000s};

Flow flow(Protocol protocol, std::uint16_t outside_port, bool is_v6 = true) {
  const IpAddress inside =
      is_v6 ? *IpAddress::parse("2001:db8::1") : *IpAddress::parse("192.0.2.1");
  const IpAddress outside =
      is_v6 ? *IpAddress::parse("2001:db8:1::1") : *IpAddress::parse("198.51.100.1");
  return {.protocol = protocol,
          .source = {.address = inside, .port = 5000},
          .destination = {.address = outside, .port = outside_port}};
}

Flow reverse(const Flow& flow) {
  return {.protocol = flow.protocol, .source = flow.destination, .destination = flow.source};
}

bool passes_both_ways(Firewall& firewall, const Flow& flow) {
  const bool out = firewall.outbound(flow, TcpEvent::Open, kStart);
  const bool in = firewall.inbound(reverse(flow), TcpEvent::Open, kStart);
  EXPECT_EQ(out, in);
  return out && in;
}

}  // namespace

TEST(Firewall, AcceptsOnlyWhatAnswers) {
  for (const bool is_v6 : {false, true}) {
    for (const Protocol protocol : {Protocol::Udp, Protocol::Tcp, Protocol::Icmp}) {
      Firewall firewall({});
      const Flow out = flow(protocol, 443, is_v6);
      EXPECT_FALSE(firewall.inbound(reverse(out), TcpEvent::None, kStart));
      EXPECT_TRUE(firewall.outbound(out, TcpEvent::None, kStart));
      EXPECT_TRUE(firewall.inbound(reverse(out), TcpEvent::None, kStart));
      EXPECT_FALSE(firewall.inbound(reverse(flow(protocol, 444, is_v6)), TcpEvent::None, kStart));
      EXPECT_EQ(firewall.drops(FirewallDrop::NoState), 2);
    }
  }
}

TEST(Firewall, ForgetsAfterItsTimeouts) {
  Firewall firewall({});
  const Flow out = flow(Protocol::Udp, 443);
  firewall.outbound(out, TcpEvent::None, kStart);
  EXPECT_TRUE(firewall.inbound(reverse(out), TcpEvent::None, kStart + 29s));
  EXPECT_TRUE(firewall.knows(out, kStart + 148s));
  EXPECT_FALSE(firewall.knows(out, kStart + 149s));
  EXPECT_FALSE(firewall.inbound(reverse(out), TcpEvent::None, kStart + 149s));
  EXPECT_EQ(firewall.sessions(), 0);

  firewall.outbound(out, TcpEvent::None, kStart + 200s);
  EXPECT_FALSE(firewall.inbound(reverse(out), TcpEvent::None, kStart + 230s));
}

TEST(Firewall, ForgetsOnReboot) {
  Firewall firewall({});
  firewall.outbound(flow(Protocol::Udp, 443), TcpEvent::None, kStart);
  firewall.forget();
  EXPECT_FALSE(firewall.inbound(reverse(flow(Protocol::Udp, 443)), TcpEvent::None, kStart));
}

TEST(Firewall, RefusesNewSessionsWhenFull) {
  Firewall firewall({.max_sessions = 2});
  EXPECT_TRUE(firewall.outbound(flow(Protocol::Udp, 1), TcpEvent::None, kStart));
  EXPECT_TRUE(firewall.outbound(flow(Protocol::Udp, 2), TcpEvent::None, kStart));
  EXPECT_FALSE(firewall.outbound(flow(Protocol::Udp, 3), TcpEvent::None, kStart));
  EXPECT_TRUE(firewall.outbound(flow(Protocol::Udp, 2), TcpEvent::None, kStart));
  EXPECT_EQ(firewall.drops(FirewallDrop::TooManySessions), 1);
  EXPECT_EQ(firewall.sessions(), 2);
}

TEST(Firewall, BlocksWhatItsRuleSays) {
  struct Case {
    Block block;
    std::array<bool, 5> passes;  // UDP 3478, UDP 41641, TCP 443, TCP 80, ICMP
  };

  for (const Case& one : {Case{Block::Nothing, {true, true, true, true, true}},
                          Case{Block::Udp, {false, false, true, true, true}},
                          Case{Block::UdpExceptStun, {true, false, true, true, true}},
                          Case{Block::AllButTcpPort443, {false, false, true, false, false}},
                          Case{Block::AllButWeb, {false, false, true, true, false}}}) {
    for (const bool is_stateful : {false, true}) {
      SCOPED_TRACE(static_cast<int>(one.block));
      Firewall firewall({.is_stateful = is_stateful, .block = one.block});
      EXPECT_EQ(passes_both_ways(firewall, flow(Protocol::Udp, 3478)), one.passes[0]);
      EXPECT_EQ(passes_both_ways(firewall, flow(Protocol::Udp, 41641)), one.passes[1]);
      EXPECT_EQ(passes_both_ways(firewall, flow(Protocol::Tcp, 443)), one.passes[2]);
      EXPECT_EQ(passes_both_ways(firewall, flow(Protocol::Tcp, 80)), one.passes[3]);
      EXPECT_EQ(passes_both_ways(firewall, flow(Protocol::Icmp, 7)), one.passes[4]);
    }
  }
}

TEST(Firewall, BlocksAndUnblocksWhileItRuns) {
  Firewall firewall({});
  EXPECT_TRUE(passes_both_ways(firewall, flow(Protocol::Udp, 41641)));
  firewall.set_block(Block::Udp);
  EXPECT_FALSE(passes_both_ways(firewall, flow(Protocol::Udp, 41641)));
  EXPECT_EQ(firewall.drops(FirewallDrop::Blocked), 2);
  firewall.set_block(Block::Nothing);
  EXPECT_TRUE(passes_both_ways(firewall, flow(Protocol::Udp, 41641)));
}

}  // namespace warren::lab
