#include "lab/plan.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lab/network.h"
#include "lab/testing/packets.h"

namespace warren::lab {

namespace {

using ::testing::HasSubstr;
using testing::make_packet;

// The built-in network; keeps who got the last packet, and as what.
class PlanBench final : public PacketSink {
 public:
  PlanBench() {
    auto made = Network::create(make_topology("test"), *this);
    WARREN_CHECK(made);
    network_ = std::move(*made);
  }

  bool deliver(NodeIndex host, const virtio::NetHeader& header, ByteView packet) override {
    testing::Bytes bytes(packet.begin(), packet.end());
    const auto read = read_packet(header, bytes);
    receiver = network_->counters()[host].name;
    flow = flow_of(*read).value_or(Flow());
    return true;
  }

  // Who gets it; empty: nobody.
  std::string send(std::string_view host, const Flow& what) {
    receiver.clear();
    auto packet = make_packet(what);
    network_->on_packet(network_->find(host).value_or(0), {}, packet, now);
    now += 1s;
    network_->on_timeout(now);
    return receiver;
  }

  std::uint64_t drops(std::string_view name, Drop drop) const {
    for (const NodeCounters& node : network_->counters()) {
      if (node.name == name) return node.drops[std::to_underlying(drop)];
    }
    return 0;
  }

  Network& network() { return *network_; }

  TimePoint now{1000s};
  std::string receiver;
  Flow flow;

 private:
  std::unique_ptr<Network> network_;
};

Endpoint at(std::string_view address, std::uint16_t port) {
  return {IpAddress::parse(address).value_or(IpAddress()), port};
}

IpAddress address_of(std::string_view host, bool is_v6) {
  const auto machine = find_machine(host);
  const auto place = find_place((*machine)->place);
  for (const auto& address : addresses_at(**machine, **place)) {
    if (address.address.is_v6() == is_v6) return address.address;
  }
  return {};
}

}  // namespace

TEST(LabPlan, EverybodyReachesTheServerOnPort443) {
  PlanBench bench;
  for (const Machine& machine : machines()) {
    if (machine.name == "server") continue;
    SCOPED_TRACE(machine.name);
    const bool is_v6 = machine.name == "v6only";
    const Flow request{
        Protocol::Tcp, {address_of(machine.name, is_v6), 5000}, {address_of("server", is_v6), 443}};
    EXPECT_EQ(bench.send(machine.name, request), "server");
    const Flow seen = bench.flow;
    EXPECT_EQ(bench.send("server", {Protocol::Tcp, seen.destination, seen.source}), machine.name);
    EXPECT_EQ(bench.flow.destination, request.source);
  }
}

TEST(LabPlan, OnlyTheOfficeBlocksUdp) {
  PlanBench bench;
  for (const Machine& machine : machines()) {
    if (machine.name == "server") continue;
    SCOPED_TRACE(machine.name);
    const bool is_v6 = machine.name == "v6only";
    const Flow request{Protocol::Udp,
                       {address_of(machine.name, is_v6), 5000},
                       {address_of("server", is_v6), 3478}};
    EXPECT_EQ(bench.send(machine.name, request), machine.name == "office" ? "" : "server");
  }
}

TEST(LabPlan, CustomersOfTheCarrierShareOneAddress) {
  PlanBench bench;
  std::set<std::uint16_t> ports;
  for (const std::string_view host : {"home", "neighbour"}) {
    bench.send(host, {Protocol::Udp, {address_of(host, false), 5000}, at("203.0.113.10", 3478)});
    EXPECT_EQ(bench.flow.source.address, at("198.51.100.7", 0).address);
    ports.insert(bench.flow.source.port);
  }
  EXPECT_EQ(ports.size(), 2U);
}

TEST(LabPlan, ForwardedPortWorksInsideTheCarrierOnly) {
  PlanBench bench;
  const Flow inside{Protocol::Tcp, {address_of("neighbour", false), 5000}, at("100.64.0.20", 8080)};
  EXPECT_EQ(bench.send("neighbour", inside), "home");
  EXPECT_EQ(bench.flow.destination, at("192.168.1.20", 8080));

  for (const std::string_view host : {"server", "laptop"}) {
    const Flow outside{Protocol::Tcp, {address_of(host, false), 5000}, at("198.51.100.7", 8080)};
    EXPECT_EQ(bench.send(host, outside), "");
  }
  EXPECT_EQ(bench.drops("carrier", Drop::NatNoMapping), 2U);
}

TEST(LabPlan, HotelGivesEachDestinationAnotherPort) {
  PlanBench bench;
  std::set<std::uint16_t> ports;
  for (const std::uint16_t port : {std::uint16_t{3478}, std::uint16_t{3479}}) {
    bench.send("laptop",
               {Protocol::Udp, {address_of("laptop", false), 5000}, at("203.0.113.10", port)});
    ports.insert(bench.flow.source.port);
  }
  EXPECT_EQ(ports.size(), 2U);
}

TEST(LabPlan, FirewallsLetNobodyInOverIpv6) {
  PlanBench bench;
  for (const std::string_view host : {"dualstack", "v6only"}) {
    const Flow request{
        Protocol::Udp, {address_of("server", true), 5000}, {address_of(host, true), 41641}};
    EXPECT_EQ(bench.send("server", request), "");
  }
}

TEST(LabPlan, EachHostCanBeAtEachPlace) {
  for (const Machine& machine : machines()) {
    for (const Place& place : places()) {
      PlanBench bench;
      const auto addresses = addresses_at(machine, place);
      EXPECT_FALSE(addresses.empty());
      EXPECT_TRUE(bench.network().move(machine.name, place.router, addresses));
    }
  }
}

TEST(LabPlan, DrawingNamesEverything) {
  const std::string picture = drawing();
  const Topology topology = make_topology("x");
  for (const auto& [name, router] : topology.routers) {
    EXPECT_THAT(picture, HasSubstr(name));
    if (router.nat) EXPECT_THAT(picture, HasSubstr(router.nat->external.front().to_string()));
  }
  for (const auto& [name, host] : topology.hosts) {
    EXPECT_EQ(host.network, "x-" + name);
    for (const auto& address : host.addresses) {
      EXPECT_THAT(picture, HasSubstr(address.address.to_string()));
    }
  }
}

TEST(LabPlan, NamesChoicesWhenOneIsUnknown) {
  EXPECT_EQ(find_machine("phone").error().detail,
            "there is no host \"phone\": choose server, home, neighbour, hotel, laptop, office, "
            "dualstack, v6only");
  EXPECT_THAT(find_place("train").error().detail, HasSubstr("choose internet, home, "));
  EXPECT_THAT(check_router("home").error().detail, HasSubstr("choose internet, carrier, "));
  EXPECT_TRUE(check_router("carrier"));
}

TEST(LabPlan, RefusesNamesThatAreNoFileNames) {
  for (const std::string_view good : {"warren-lab", "a", "2", "x_y.z"}) {
    EXPECT_TRUE(check_lab_name(good)) << good;
  }
  for (const std::string_view bad : {"", ".", "..", "-x", "a/b", "a b", "a\n"}) {
    EXPECT_FALSE(check_lab_name(bad)) << bad;
  }
  EXPECT_FALSE(check_lab_name(std::string(33, 'a')));
}

TEST(LabPlan, HostsKnowThemselvesAndTheServer) {
  EXPECT_EQ(hosts_file(**find_machine("laptop")),
            "127.0.0.1 localhost\n::1 localhost\n203.0.113.10 server\n2001:db8:1::10 server\n"
            "127.0.1.1 laptop\n");
}

}  // namespace warren::lab
