#include "lab/nat.h"

#include <set>
#include <utility>

#include <gtest/gtest.h>

namespace warren::lab {

namespace {

constexpr IpAddress kExternal = IpAddress::v4({203, 0, 113, 1});
constexpr IpAddress kOtherExternal = IpAddress::v4({203, 0, 113, 2});
constexpr Endpoint kServer{.address = IpAddress::v4({198, 51, 100, 1}), .port = 3478};
constexpr Endpoint kOtherServer{.address = IpAddress::v4({198, 51, 100, 2}), .port = 443};

Endpoint inside(std::uint8_t host, std::uint16_t port) {
  return {.address = IpAddress::v4({192, 168, 1, host}), .port = port};
}

// One NAT, a clock, and packets by a few words.
struct Bench {
  explicit Bench(NatConfig config) : nat(std::move(config), 1) {}

  NatVerdict out(const Endpoint& from,
                 const Endpoint& to,
                 Protocol protocol = Protocol::Udp,
                 TcpEvent event = TcpEvent::None) {
    return nat.outbound({.protocol = protocol, .source = from, .destination = to}, event, now);
  }

  NatVerdict in(const Endpoint& from,
                const Endpoint& to,
                Protocol protocol = Protocol::Udp,
                TcpEvent event = TcpEvent::None) {
    return nat.inbound({.protocol = protocol, .source = from, .destination = to}, event, now);
  }

  // What an outbound packet's source becomes; the packet must pass.
  Endpoint external_of(const Endpoint& from,
                       const Endpoint& to = kServer,
                       Protocol protocol = Protocol::Udp) {
    const NatVerdict verdict = out(from, to, protocol, TcpEvent::Open);
    EXPECT_TRUE(verdict.flow);
    return verdict.flow ? verdict.flow->source : Endpoint{};
  }

  Nat nat;
  TimePoint now{1000s};
};

}  // namespace

TEST(Nat, TranslatesTheSourceOutAndTheDestinationBack) {
  Bench bench({.external = {kExternal}});
  const NatVerdict sent = bench.out(inside(1, 5000), kServer);
  ASSERT_TRUE(sent.flow);
  EXPECT_FALSE(sent.to_inside);
  EXPECT_EQ(sent.flow->source, (Endpoint{.address = kExternal, .port = 5000}));
  EXPECT_EQ(sent.flow->destination, kServer);

  const NatVerdict answer = bench.in(kServer, sent.flow->source);
  ASSERT_TRUE(answer.flow);
  EXPECT_TRUE(answer.to_inside);
  EXPECT_EQ(answer.flow->source, kServer);
  EXPECT_EQ(answer.flow->destination, inside(1, 5000));
}

TEST(Nat, PreservesAPortForTheFirstHostAndGivesTheSecondAnother) {
  Bench bench({.external = {kExternal}});
  EXPECT_EQ(bench.external_of(inside(1, 5000)).port, 5000);
  const Endpoint second = bench.external_of(inside(2, 5000));
  EXPECT_NE(second.port, 5000);
  EXPECT_EQ(bench.external_of(inside(2, 5000), kOtherServer), second);
}

TEST(Nat, DoesNotPreserveAPortOutsideItsRange) {
  Bench bench({.external = {kExternal}, .first_port = 2000, .last_port = 2999});
  EXPECT_GE(bench.external_of(inside(1, 5000)).port, 2000);
  EXPECT_LE(bench.external_of(inside(1, 5001)).port, 2999);
}

TEST(Nat, UsesTheSamePortForEachProtocol) {
  Bench bench({.external = {kExternal}});
  for (const Protocol protocol : {Protocol::Udp, Protocol::Tcp, Protocol::Icmp}) {
    EXPECT_EQ(bench.external_of(inside(1, 5000), kServer, protocol).port, 5000);
  }
}

TEST(Nat, ExhaustsItsPortsAndReusesThemWhenTheyTimedOut) {
  Bench bench({.external = {kExternal},
               .mapping = Dependence::AddressAndPort,
               .ports = PortChoice::Random,
               .first_port = 20000,
               .last_port = 20007});
  std::set<std::uint16_t> ports;
  for (std::uint16_t i = 0; i < 8; ++i) ports.insert(bench.external_of(inside(1, 5000 + i)).port);
  EXPECT_EQ(ports.size(), 8);
  EXPECT_EQ(*ports.begin(), 20000);
  EXPECT_EQ(*ports.rbegin(), 20007);
  const NatVerdict refused = bench.out(inside(2, 5000), kServer);
  EXPECT_FALSE(refused.flow);
  EXPECT_EQ(refused.reason, NatDrop::NoPorts);
  EXPECT_EQ(bench.nat.drops(NatDrop::NoPorts), 1);

  bench.now += 30s;
  EXPECT_TRUE(bench.out(inside(2, 5000), kServer).flow);
  EXPECT_EQ(bench.nat.sessions(), 1);
}

TEST(Nat, TakesTheOtherParityOnlyWhenItsOwnIsExhausted) {
  Bench bench({.external = {kExternal},
               .ports = PortChoice::PreserveParity,
               .first_port = 20001,
               .last_port = 20004});
  EXPECT_EQ(bench.external_of(inside(1, 5001)).port % 2, 1);
  EXPECT_EQ(bench.external_of(inside(1, 5003)).port % 2, 1);
  EXPECT_EQ(bench.external_of(inside(1, 5005)).port % 2, 0);
}

TEST(Nat, GivesEachHostABlockAndTakesItBackWithTheLastMapping) {
  Bench bench({.external = {kExternal},
               .ports = PortChoice::Random,
               .first_port = 20000,
               .last_port = 20029,
               .ports_per_host = 10});
  std::set<int> blocks;
  for (std::uint8_t host = 1; host <= 3; ++host) {
    std::set<int> own;
    for (std::uint16_t i = 0; i < 10; ++i) {
      own.insert((bench.external_of(inside(host, 5000 + i)).port - 20000) / 10);
    }
    EXPECT_EQ(own.size(), 1);
    blocks.insert(*own.begin());
    EXPECT_EQ(bench.out(inside(host, 6000), kServer).reason, NatDrop::NoPorts);
  }
  EXPECT_EQ(blocks, (std::set{0, 1, 2}));
  EXPECT_EQ(bench.out(inside(4, 5000), kServer).reason, NatDrop::NoPorts);

  bench.now += 30s;
  EXPECT_TRUE(bench.out(inside(4, 5000), kServer).flow);
}

TEST(Nat, CountsASequenceInEachBlock) {
  Bench bench(
      {.external = {kExternal}, .ports = PortChoice::SequentialGlobal, .ports_per_host = 100});
  const std::uint16_t a = bench.external_of(inside(1, 5000)).port;
  bench.external_of(inside(2, 5000));
  const std::uint16_t next = bench.external_of(inside(1, 5001)).port;
  EXPECT_TRUE(next == a + 1 || next == a - 99) << a << " " << next;
}

TEST(Nat, LimitsTheSessionsOfAHostAndOfAll) {
  Bench bench({.external = {kExternal}, .sessions_per_host = 2, .max_sessions = 3});
  EXPECT_TRUE(bench.out(inside(1, 5000), kServer).flow);
  EXPECT_TRUE(bench.out(inside(1, 5000), kOtherServer).flow);
  EXPECT_EQ(bench.out(inside(1, 5001), kServer).reason, NatDrop::TooManySessions);
  EXPECT_TRUE(bench.out(inside(1, 5000), kServer).flow);  // a known one goes on
  EXPECT_TRUE(bench.out(inside(2, 5000), kServer).flow);
  EXPECT_EQ(bench.out(inside(3, 5000), kServer).reason, NatDrop::TooManySessions);
  EXPECT_EQ(bench.nat.sessions(), 3);
  EXPECT_EQ(bench.nat.drops(NatDrop::TooManySessions), 2);
}

TEST(Nat, StaysInItsBoundWhenStrangersKnock) {
  Bench bench(
      {.external = {kExternal}, .filtering = Dependence::EndpointIndependent, .max_sessions = 10});
  const Endpoint external = bench.external_of(inside(1, 5000));
  for (std::uint16_t port = 1; port < 100; ++port) {
    EXPECT_TRUE(bench.in({.address = kServer.address, .port = port}, external).flow);
  }
  EXPECT_EQ(bench.nat.sessions(), 10);
}

TEST(Nat, SpreadsMappingsOverItsAddressesWhenPoolingIsArbitrary) {
  for (const Pooling pooling : {Pooling::Paired, Pooling::Arbitrary}) {
    Bench bench({.external = {kExternal, kOtherExternal}, .pooling = pooling});
    std::set<IpAddress> of_one;
    std::set<IpAddress> of_all;
    for (std::uint16_t i = 0; i < 32; ++i) {
      of_one.insert(bench.external_of(inside(1, 5000 + i)).address);
      of_all.insert(bench.external_of(inside(static_cast<std::uint8_t>(2 + i), 5000)).address);
    }
    EXPECT_EQ(of_one.size(), pooling == Pooling::Paired ? 1 : 2);
    EXPECT_EQ(of_all.size(), 2);
  }
}

TEST(Nat, FallsBackToAnotherAddressWhenPoolingIsArbitrary) {
  Bench bench({.external = {kExternal, kOtherExternal},
               .pooling = Pooling::Arbitrary,
               .first_port = 2000,
               .last_port = 2001});
  for (std::uint16_t i = 0; i < 4; ++i) EXPECT_TRUE(bench.out(inside(1, 5000 + i), kServer).flow);
  EXPECT_EQ(bench.out(inside(1, 6000), kServer).reason, NatDrop::NoPorts);
}

TEST(Nat, SaysWhyItDropsWhatComesIn) {
  Bench bench({.external = {kExternal}});
  EXPECT_EQ(bench.in(kServer, {.address = kExternal, .port = 5000}).reason, NatDrop::NoMapping);
  const Endpoint external = bench.external_of(inside(1, 5000));
  EXPECT_EQ(bench.in(kOtherServer, external).reason, NatDrop::Filtered);
  EXPECT_EQ(bench.in(kServer, external, Protocol::Tcp).reason, NatDrop::NoMapping);
  EXPECT_EQ(bench.nat.drops(NatDrop::NoMapping), 2);
  EXPECT_EQ(bench.nat.drops(NatDrop::Filtered), 1);
}

TEST(Nat, KeepsAnAddressPermittedAsLongAsOneSessionToItLives) {
  Bench bench({.external = {kExternal}, .filtering = Dependence::Address});
  const Endpoint external = bench.external_of(inside(1, 5000));
  const Endpoint other_port{.address = kServer.address, .port = 9};
  bench.now += 20s;
  bench.out(inside(1, 5000), other_port);
  bench.now += 20s;  // the first has timed out
  EXPECT_TRUE(bench.in({.address = kServer.address, .port = 10}, external).flow);
  EXPECT_EQ(bench.in(kOtherServer, external).reason, NatDrop::Filtered);
}

TEST(Nat, KeepsAMappingWhileOneOfItsSessionsLives) {
  Bench bench({.external = {kExternal}});
  const Endpoint external = bench.external_of(inside(1, 5000));
  bench.now += 20s;
  bench.out(inside(1, 5000), kOtherServer);
  bench.now += 20s;
  EXPECT_EQ(bench.in(kServer, external).reason, NatDrop::Filtered);
  EXPECT_TRUE(bench.in(kOtherServer, external).flow);
  bench.now += 300s;
  EXPECT_EQ(bench.in(kOtherServer, external).reason, NatDrop::NoMapping);
  EXPECT_EQ(bench.nat.sessions(), 0);
}

TEST(Nat, TurnsPacketsRoundForItsOwnHosts) {
  for (const Hairpin hairpin : {Hairpin::Off, Hairpin::InternalSource, Hairpin::ExternalSource}) {
    SCOPED_TRACE(static_cast<int>(hairpin));
    Bench bench({.external = {kExternal}, .hairpin = hairpin});
    const Endpoint a = bench.external_of(inside(1, 5000));
    const Endpoint b = bench.external_of(inside(2, 6000));
    const NatVerdict first = bench.out(inside(1, 5000), b);
    if (hairpin == Hairpin::Off) {
      EXPECT_EQ(first.reason, NatDrop::NoHairpin);
      continue;
    }
    EXPECT_EQ(first.reason, NatDrop::Filtered);  // and opens the way back
    const NatVerdict second = bench.out(inside(2, 6000), a);
    ASSERT_TRUE(second.flow);
    EXPECT_TRUE(second.to_inside);
    EXPECT_EQ(second.flow->destination, inside(1, 5000));
    EXPECT_EQ(second.flow->source, hairpin == Hairpin::InternalSource ? inside(2, 6000) : b);
  }
}

TEST(Nat, KeepsATcpConnectionForTwoHoursAndAnUnfinishedOneForMinutes) {
  Bench bench({.external = {kExternal}});
  const Endpoint external = bench.external_of(inside(1, 5000), kServer, Protocol::Tcp);
  bench.now += 239s;
  EXPECT_TRUE(bench.in(kServer, external, Protocol::Tcp, TcpEvent::Open).flow);
  bench.now += 7439s;
  EXPECT_TRUE(bench.in(kServer, external, Protocol::Tcp).flow);

  bench.out(inside(1, 5000), kServer, Protocol::Tcp, TcpEvent::Close);
  bench.now += 1000s;
  EXPECT_TRUE(bench.in(kServer, external, Protocol::Tcp, TcpEvent::Close).flow);
  bench.now += 240s;
  EXPECT_EQ(bench.in(kServer, external, Protocol::Tcp).reason, NatDrop::NoMapping);
}

TEST(Nat, ForgetsATcpConnectionSoonAfterAReset) {
  Bench bench({.external = {kExternal}});
  const Endpoint external = bench.external_of(inside(1, 5000), kServer, Protocol::Tcp);
  bench.in(kServer, external, Protocol::Tcp, TcpEvent::Open);
  bench.in(kServer, external, Protocol::Tcp, TcpEvent::Reset);
  bench.now += 240s;
  EXPECT_EQ(bench.in(kServer, external, Protocol::Tcp).reason, NatDrop::NoMapping);
}

TEST(Nat, LetsAConnectionBeginAgainOnTheSamePorts) {
  Bench bench({.external = {kExternal}});
  const Endpoint external = bench.external_of(inside(1, 5000), kServer, Protocol::Tcp);
  bench.in(kServer, external, Protocol::Tcp, TcpEvent::Reset);
  bench.out(inside(1, 5000), kServer, Protocol::Tcp, TcpEvent::Open);
  bench.in(kServer, external, Protocol::Tcp, TcpEvent::Open);
  bench.now += 7000s;
  EXPECT_TRUE(bench.in(kServer, external, Protocol::Tcp).flow);
}

TEST(Nat, GoesOnWithAConnectionThatItForgotButNotWithItsReset) {
  Bench bench({.external = {kExternal}});
  EXPECT_TRUE(bench.out(inside(1, 5000), kServer, Protocol::Tcp).flow);
  EXPECT_EQ(bench.out(inside(1, 5001), kServer, Protocol::Tcp, TcpEvent::Reset).reason,
            NatDrop::NoMapping);
}

TEST(Nat, TranslatesTheIdentifierOfAnEcho) {
  Bench bench({.external = {kExternal}, .ports = PortChoice::Random});
  const Endpoint host = inside(1, 77);
  const Endpoint server{.address = kServer.address, .port = 77};
  const NatVerdict sent = bench.out(host, server, Protocol::Icmp);
  ASSERT_TRUE(sent.flow);
  EXPECT_EQ(sent.flow->destination.address, server.address);
  EXPECT_EQ(sent.flow->destination.port, sent.flow->source.port);
  const NatVerdict answer = bench.in(sent.flow->destination, sent.flow->source, Protocol::Icmp);
  ASSERT_TRUE(answer.flow);
  EXPECT_EQ(*answer.flow, (Flow{Protocol::Icmp, server, host}));
  EXPECT_EQ(bench.nat.original_of(*sent.flow, bench.now), (Flow{Protocol::Icmp, host, server}));
  bench.now += 60s;
  EXPECT_EQ(bench.in(sent.flow->destination, sent.flow->source, Protocol::Icmp).reason,
            NatDrop::NoMapping);
}

TEST(Nat, KnowsWhatAnErrorIsAboutWithoutRefreshingIt) {
  Bench bench({.external = {kExternal}, .ports = PortChoice::Random});
  const Flow original{Protocol::Udp, inside(1, 5000), kServer};
  const NatVerdict sent = bench.out(original.source, original.destination);
  ASSERT_TRUE(sent.flow);
  bench.now += 29s;
  EXPECT_EQ(bench.nat.original_of(*sent.flow, bench.now), original);
  EXPECT_EQ(bench.nat.original_of({Protocol::Udp, sent.flow->source, kOtherServer}, bench.now),
            std::nullopt);
  bench.now += 1s;
  EXPECT_EQ(bench.nat.original_of(*sent.flow, bench.now), std::nullopt);
}

TEST(Nat, ForgetsEverythingOnReboot) {
  Bench bench({.external = {kExternal}, .ports = PortChoice::Random, .ports_per_host = 100});
  const Endpoint external = bench.external_of(inside(1, 5000));
  bench.nat.forget();
  EXPECT_EQ(bench.nat.sessions(), 0);
  EXPECT_EQ(bench.in(kServer, external).reason, NatDrop::NoMapping);
  EXPECT_NE(bench.external_of(inside(1, 5000)), external);
}

TEST(Nat, MovesToOtherAddresses) {
  Bench bench({.external = {kExternal}});
  const Endpoint external = bench.external_of(inside(1, 5000));
  bench.nat.change_external({kOtherExternal});
  EXPECT_FALSE(bench.nat.is_external(kExternal));
  EXPECT_EQ(bench.in(kServer, external).reason, NatDrop::NoMapping);
  EXPECT_EQ(bench.external_of(inside(1, 5000)).address, kOtherExternal);
}

TEST(Nat, ForwardsAPortToOneHostForEver) {
  const Endpoint web = inside(1, 8080);
  for (const Dependence mapping : {Dependence::EndpointIndependent, Dependence::AddressAndPort}) {
    Bench bench({.external = {kExternal},
                 .mapping = mapping,
                 .forwards = {{.protocol = Protocol::Tcp, .port = 80, .to = web},
                              {.protocol = Protocol::Udp, .port = 5000, .to = inside(1, 53)}}});
    const Endpoint outside{.address = kExternal, .port = 80};
    for (int i = 0; i < 3; ++i) {
      const NatVerdict request = bench.in(kServer, outside, Protocol::Tcp, TcpEvent::Open);
      ASSERT_TRUE(request.flow);
      EXPECT_EQ(request.flow->destination, web);
      EXPECT_EQ(bench.external_of(web, kServer, Protocol::Tcp), outside);
      EXPECT_EQ(bench.external_of(web, kOtherServer, Protocol::Tcp), outside);
      bench.now += 10h;  // longer than any session lives
      bench.in(kServer, {.address = kExternal, .port = 1}, Protocol::Tcp);
      EXPECT_EQ(bench.nat.sessions(), 0U);
      if (i == 1) bench.nat.forget();
    }
    EXPECT_EQ(bench.in(kServer, outside, Protocol::Udp).reason, NatDrop::NoMapping);
    EXPECT_NE(bench.external_of(inside(2, 5000)).port, 5000) << "is forwarded";
    bench.nat.change_external({kOtherExternal});
    EXPECT_TRUE(bench.in(kServer, {.address = kOtherExternal, .port = 80}, Protocol::Tcp).flow);
  }
}

TEST(Nat, DoesTheSameForTheSameSeed) {
  Bench a({.external = {kExternal}, .ports = PortChoice::Random});
  Bench b({.external = {kExternal}, .ports = PortChoice::Random});
  for (std::uint16_t i = 0; i < 100; ++i) {
    EXPECT_EQ(a.external_of(inside(1, 5000 + i)), b.external_of(inside(1, 5000 + i)));
  }
}

}  // namespace warren::lab
