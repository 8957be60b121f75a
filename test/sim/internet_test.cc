#include "sim/internet.h"

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lab/nat.h"
#include "sim/machine.h"

namespace warren::sim {

namespace {

using lab::Dependence;
using lab::Hairpin;
using lab::NatConfig;

constexpr std::uint16_t kPort = 41641;
constexpr std::array<std::uint8_t, 3> kBytes = {1, 2, 3};

NatConfig easy() {
  return {.external = {}};
}

NatConfig hard() {
  return {.external = {}, .mapping = Dependence::AddressAndPort, .ports = lab::PortChoice::Random};
}

RouterConfig home(const NatConfig& nat) {
  return {.name = "home", .v4 = IpPrefix::parse("192.168.1.0/24"), .nat = nat};
}

RouterConfig carrier(const NatConfig& nat) {
  return {.name = "carrier", .v4 = IpPrefix::parse("100.64.0.0/10"), .nat = nat};
}

// A machine with one socket that remembers what came.
struct Peer final : Host {
  Peer(Internet& internet, const char* name, std::uint16_t at = kPort)
      : machine(internet, name), port(at) {
    machine.bind(port, *this);
  }

  Peer(Internet& internet, const char* name, Router& router) : Peer(internet, name) {
    machine.attach(router);
  }

  void on_datagram(ByteView datagram, const UdpPath& from) override {
    EXPECT_EQ(datagram.size(), kBytes.size());
    heard.push_back(from);
  }

  bool send(const Endpoint& to) {
    return machine.send(port, {.remote = to, .source = std::nullopt}, kBytes);
  }

  Endpoint v4() const { return {.address = *addresses().v4, .port = port}; }

  Endpoint v6() const { return {.address = *addresses().v6, .port = port}; }

  Addresses addresses() const { return machine.interfaces().front().addresses; }

  Machine machine;
  std::uint16_t port;
  std::vector<UdpPath> heard;
};

class InternetTest : public testing::Test {
 protected:
  // How a server sees the peer; the peer then knows its public endpoint.
  Endpoint reflexive(Peer& peer) {
    const std::size_t before = server.heard.size();
    EXPECT_TRUE(peer.send(server.v4()));
    time.run_for(1s);
    EXPECT_EQ(server.heard.size(), before + 1);
    return server.heard.empty() ? Endpoint{} : server.heard.back().remote;
  }

  // Both learn their public endpoints and send by turns: to each other's, or where the other was
  // heard from. Whether both heard.
  bool punch(Peer& a, Peer& b) {
    const Endpoint of_a = reflexive(a);
    const Endpoint of_b = reflexive(b);
    a.heard.clear();
    b.heard.clear();
    for (int i = 0; i < 3; ++i) {
      a.send(a.heard.empty() ? of_b : a.heard.back().remote);
      b.send(b.heard.empty() ? of_a : b.heard.back().remote);
      time.run_for(100ms);
    }
    return !a.heard.empty() && !b.heard.empty();
  }

  bool arrives(Peer& from, const Endpoint& to, Peer& at) {
    const std::size_t before = at.heard.size();
    from.send(to);
    time.run_for(1s);
    return at.heard.size() > before;
  }

  VirtualTime time;
  Internet internet{time, 1};
  Peer server{internet, "server", internet.root()};
};

}  // namespace

TEST_F(InternetTest, CarriesDatagramsBetweenPublicMachines) {
  Peer peer(internet, "peer", internet.root());
  EXPECT_TRUE(peer.send(server.v4()));
  EXPECT_TRUE(peer.send(server.v6()));
  time.run_for(0s);
  EXPECT_THAT(server.heard,
              testing::ElementsAre(
                  UdpPath{.remote = peer.v4(),
                          .source = LocalAddress{.address = server.v4().address, .interface = 1}},
                  UdpPath{.remote = peer.v6(),
                          .source = LocalAddress{.address = server.v6().address, .interface = 1}}));
}

TEST_F(InternetTest, TakesTheTimeOfEachLink) {
  Router& carrier_router = internet.add_router(internet.root(), carrier(easy()));
  Router& home_router = internet.add_router(carrier_router, home(easy()));
  Peer peer(internet, "peer", home_router);
  carrier_router.set_uplink({.delay = 20ms}, {.delay = 30ms});
  home_router.set_uplink({.delay = 1ms}, {.delay = 2ms});
  peer.machine.set_quality(1, {.delay = 100us}, {.delay = 200us});
  peer.send(server.v4());
  time.run_for(21ms + 99us);
  EXPECT_TRUE(server.heard.empty());
  time.run_for(1us);
  ASSERT_EQ(server.heard.size(), 1);
  server.send(server.heard[0].remote);
  time.run_for(32ms + 199us);
  EXPECT_TRUE(peer.heard.empty());
  time.run_for(1us);
  EXPECT_EQ(peer.heard.size(), 1);
}

TEST_F(InternetTest, LosesOnABadLinkAndCountsIt) {
  Router& router = internet.add_router(internet.root(), home(easy()));
  router.set_uplink({.loss_percent = 50}, {});
  Peer peer(internet, "peer", router);
  for (int i = 0; i < 1000; ++i) peer.send(server.v4());
  time.run_for(1s);
  EXPECT_NEAR(static_cast<double>(server.heard.size()), 500, 100);
  EXPECT_EQ(internet.lost(Loss::Link), 1000 - server.heard.size());
}

TEST_F(InternetTest, PunchesThroughWhereTheKindsOfNatAllowIt) {
  struct Case {
    const char* name;
    NatConfig a;
    NatConfig b;
    bool meets;
  };

  const NatConfig easy_by_address{.external = {}, .filtering = Dependence::Address};
  const NatConfig full_cone{.external = {}, .filtering = Dependence::EndpointIndependent};
  const NatConfig hard_full_cone{.external = {},
                                 .mapping = Dependence::AddressAndPort,
                                 .filtering = Dependence::EndpointIndependent,
                                 .ports = lab::PortChoice::Random};
  for (const Case& one :
       {Case{"easy-easy", easy(), easy(), true}, Case{"easy-hard", easy(), hard(), false},
        Case{"hard-hard", hard(), hard(), false},
        Case{"by address-hard", easy_by_address, hard(), true},
        Case{"full cone-hard", full_cone, hard(), true},
        Case{"hard full cone-hard", hard_full_cone, hard(), false}}) {
    SCOPED_TRACE(one.name);
    Peer a(internet, "a", internet.add_router(internet.root(), home(one.a)));
    Peer b(internet, "b", internet.add_router(internet.root(), home(one.b)));
    EXPECT_EQ(punch(a, b), one.meets);
  }
}

TEST_F(InternetTest, PunchesThroughCarrierAndHomeNat) {
  const std::array kinds = {easy(), hard()};
  for (const NatConfig& carrier_nat : kinds) {
    for (const NatConfig& home_nat : kinds) {
      const auto behind_two = [&]() -> Router& {
        return internet.add_router(internet.add_router(internet.root(), carrier(carrier_nat)),
                                   home(home_nat));
      };
      Peer a(internet, "a", behind_two());
      Peer b(internet, "b", behind_two());
      const bool is_easy = carrier_nat.mapping == Dependence::EndpointIndependent &&
                           home_nat.mapping == Dependence::EndpointIndependent;
      EXPECT_EQ(punch(a, b), is_easy);
    }
  }
}

TEST_F(InternetTest, SharesOneAddressAmongCustomers) {
  Router& carrier_router = internet.add_router(internet.root(), carrier(easy()));
  Peer a(internet, "a", internet.add_router(carrier_router, home(easy())));
  Peer b(internet, "b", internet.add_router(carrier_router, home(easy())));
  const Endpoint of_a = reflexive(a);
  const Endpoint of_b = reflexive(b);
  EXPECT_EQ(a.v4(), b.v4());  // each in its own home
  EXPECT_EQ(of_a.address, of_b.address);
  EXPECT_NE(of_a.port, of_b.port);
  EXPECT_TRUE(arrives(server, of_a, a));
  EXPECT_TRUE(arrives(server, of_b, b));
}

TEST_F(InternetTest, MeetsOtherCustomersOfTheCarrierOnlyByHairpin) {
  for (const Hairpin hairpin : {Hairpin::Off, Hairpin::InternalSource, Hairpin::ExternalSource}) {
    SCOPED_TRACE(static_cast<int>(hairpin));
    NatConfig nat = easy();
    nat.hairpin = hairpin;
    Router& carrier_router = internet.add_router(internet.root(), carrier(nat));
    Peer a(internet, "a", internet.add_router(carrier_router, home(easy())));
    Peer b(internet, "b", internet.add_router(carrier_router, home(easy())));
    // With the internal source the home NATs meet packets of a stranger.
    EXPECT_EQ(punch(a, b), hairpin == Hairpin::ExternalSource);
  }
}

TEST_F(InternetTest, KeepsPrivateAddressesInTheirNetwork) {
  Router& home_router = internet.add_router(internet.root(), home(easy()));
  Peer a(internet, "a", home_router);
  Peer b(internet, "b", home_router);
  Peer c(internet, "c", internet.add_router(internet.root(), home(easy())));
  EXPECT_TRUE(arrives(a, b.v4(), b));
  EXPECT_EQ(b.heard.back().remote, a.v4());
  EXPECT_EQ(c.v4(), a.v4());
  EXPECT_FALSE(arrives(server, a.v4(), a));
  EXPECT_FALSE(arrives(c, b.v4(), b));
  EXPECT_EQ(internet.lost(Loss::NoRoute), 2);
}

TEST_F(InternetTest, RoutesIpv6BesideTheNatAndKeepsItsState) {
  RouterConfig config = home(easy());
  config.v6 = *IpPrefix::parse("2001:db8:1::/64");
  config.firewall = {};
  Peer a(internet, "a", internet.add_router(internet.root(), config));
  EXPECT_FALSE(arrives(server, a.v6(), a));
  EXPECT_TRUE(arrives(a, server.v6(), server));
  EXPECT_EQ(server.heard.back().remote, a.v6());
  EXPECT_TRUE(arrives(server, a.v6(), a));

  config.v6 = *IpPrefix::parse("2001:db8:2::/64");
  Peer b(internet, "b", internet.add_router(internet.root(), config));
  EXPECT_FALSE(arrives(a, b.v6(), b));
  EXPECT_TRUE(arrives(b, a.v6(), a));
  EXPECT_TRUE(arrives(a, b.v6(), b));
}

TEST_F(InternetTest, BlocksUdpAndLetsItPassAgain) {
  Router& router = internet.add_router(internet.root(), home(easy()));
  Peer a(internet, "a", router);
  Peer stun(internet, "stun", 3478);
  stun.machine.attach(internet.root());
  EXPECT_TRUE(arrives(a, server.v4(), server));
  router.block(lab::Block::UdpExceptStun);
  EXPECT_FALSE(arrives(a, server.v4(), server));
  EXPECT_TRUE(arrives(a, stun.v4(), stun));
  EXPECT_TRUE(arrives(stun, stun.heard.back().remote, a));
  router.block(lab::Block::Udp);
  EXPECT_FALSE(arrives(a, stun.v4(), stun));
  EXPECT_EQ(internet.lost(Loss::Firewall), 2);
  router.block(lab::Block::Nothing);
  EXPECT_TRUE(arrives(a, server.v4(), server));
}

TEST_F(InternetTest, ForgetsMappingsWhenARouterReboots) {
  NatConfig nat = easy();
  nat.ports = lab::PortChoice::Random;
  Router& router = internet.add_router(internet.root(), home(nat));
  Peer a(internet, "a", router);
  const Endpoint before = reflexive(a);
  EXPECT_TRUE(arrives(server, before, a));
  router.reboot();
  EXPECT_FALSE(arrives(server, before, a));
  EXPECT_NE(reflexive(a), before);
}

TEST_F(InternetTest, MovesARouterToOtherPublicAddresses) {
  Router& router = internet.add_router(internet.root(), home(easy()));
  Peer a(internet, "a", router);
  const Endpoint before = reflexive(a);
  const IpAddress next = *internet.root().lease().v4;
  router.change_external({next});
  EXPECT_FALSE(arrives(server, before, a));
  EXPECT_EQ(reflexive(a).address, next);
}

TEST_F(InternetTest, ChangesAMachinesAddressAndNetwork) {
  Router& first = internet.add_router(internet.root(), home(easy()));
  Router& second = internet.add_router(internet.root(), home(easy()));
  Peer a(internet, "a", first);
  int changes = 0;
  a.machine.watch([&] { ++changes; });
  const Endpoint before = reflexive(a);

  a.machine.set_addresses(1, first.lease());
  EXPECT_FALSE(arrives(server, before, a));
  EXPECT_NE(reflexive(a), before);

  a.machine.move(1, second, second.lease());
  EXPECT_NE(reflexive(a).address, before.address);
  EXPECT_EQ(changes, 2);
}

TEST_F(InternetTest, NoticesItsOwnCableAndNotARoutersOne) {
  Router& router = internet.add_router(internet.root(), home(easy()));
  Peer a(internet, "a", router);
  reflexive(a);
  router.set_uplink_up(false);
  EXPECT_TRUE(a.send(server.v4()));
  router.set_uplink_up(true);
  a.machine.set_link(1, false);
  EXPECT_FALSE(a.send(server.v4()));
  EXPECT_EQ(server.heard.size(), 1);
  EXPECT_FALSE(arrives(server, server.heard[0].remote, a));
  a.machine.set_link(1, true);
  EXPECT_TRUE(arrives(server, server.heard[0].remote, a));
}

TEST_F(InternetTest, SendsFromTheInterfaceTowardsTheDestination) {
  Router& home_router = internet.add_router(internet.root(), home(easy()));
  RouterConfig office_config = home(easy());
  office_config.v4 = *IpPrefix::parse("10.1.0.0/16");
  Router& office = internet.add_router(internet.root(), office_config);
  Peer a(internet, "a", home_router);
  a.machine.attach(office);
  Peer colleague(internet, "colleague", office);

  const IpAddress at_home = *a.machine.interfaces()[0].addresses.v4;
  const IpAddress at_office = *a.machine.interfaces()[1].addresses.v4;
  EXPECT_TRUE(arrives(a, colleague.v4(), colleague));
  EXPECT_EQ(colleague.heard.back().remote.address, at_office);
  const Endpoint by_default = reflexive(a);
  const auto send_from = [&](std::optional<LocalAddress> source) {
    return a.machine.send(kPort, {.remote = server.v4(), .source = source}, kBytes);
  };
  EXPECT_TRUE(send_from(LocalAddress{.address = at_home}));
  time.run_for(1s);
  EXPECT_EQ(server.heard.back().remote, by_default);
  EXPECT_TRUE(send_from(LocalAddress{.address = at_office}));
  time.run_for(1s);
  EXPECT_NE(server.heard.back().remote, by_default);
  EXPECT_FALSE(send_from(LocalAddress{.address = server.v4().address}));
  EXPECT_FALSE(send_from(LocalAddress{.address = at_office, .interface = 1}));

  a.machine.set_link(1, false);  // the other takes over
  EXPECT_NE(reflexive(a), by_default);
}

TEST_F(InternetTest, HasNoRouteWithoutAnAddressOfTheFamily) {
  Peer a(internet, "a", internet.add_router(internet.root(), home(easy())));
  EXPECT_FALSE(a.send(server.v6()));
  EXPECT_TRUE(a.send(server.v4()));
}

TEST_F(InternetTest, BoundsWhatIsUnderWay) {
  Router& router = internet.add_router(internet.root(), home(easy()));
  Peer a(internet, "a", router);
  for (std::size_t i = 0; i < Internet::kMaxInFlight + 10; ++i) a.send(server.v4());
  EXPECT_EQ(internet.lost(Loss::InFlight), 10);
  time.run_for(1s);
  EXPECT_EQ(server.heard.size(), Internet::kMaxInFlight);
}

TEST_F(InternetTest, TellsPeopleWhatHappened) {
  Trace trace;
  internet.set_trace(&trace);
  Peer a(internet, "a", internet.add_router(internet.root(), home(easy())));
  a.send(server.v4());
  a.send({.address = *IpAddress::parse("203.0.113.1"), .port = 1});
  time.run_for(1s);
  EXPECT_THAT(trace.text(), testing::HasSubstr("udp 192.168.1.2:41641 > 198.18.0.2:41641 3 bytes"));
  EXPECT_THAT(trace.text(), testing::HasSubstr("drops (no route) udp 198.18.0.3:41641"));
}

TEST(Internet, DependsOnItsSeedAlone) {
  const auto run = [](std::uint64_t seed) {
    VirtualTime time;
    Trace trace;
    Internet internet(time, seed);
    internet.set_trace(&trace);
    Router& router = internet.add_router(internet.root(), home(hard()));
    router.set_uplink({.delay = 5ms, .jitter = 5ms, .loss_percent = 10}, {.delay = 5ms});
    const Peer server(internet, "server", internet.root());
    Peer a(internet, "a", router);
    for (int i = 0; i < 50; ++i) {
      a.send(server.v4());
      time.run_for(1ms);
    }
    time.run_for(1s);
    return trace.text();
  };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1), run(2));
}

}  // namespace warren::sim
