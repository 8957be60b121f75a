#include "lab/network.h"

#include <utility>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lab/nat_classifier.h"
#include "lab/testing/packets.h"

namespace warren::lab {

namespace {

using testing::Bytes;
using ::testing::ElementsAre;
using testing::has_good_checksums;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::make_packet;

// Two hosts behind a NAT, two in front, IPv6 beside it.
constexpr std::string_view kLab = R"({
  "routers": {
    "internet": {"addresses": ["192.0.2.1"]},
    "home": {"behind": "internet", "addresses": ["192.168.1.1", "2001:db8:1::1"],
             "nat": {"external": ["203.0.113.1"]}, "firewall": {"is_stateful": true}},
  },
  "hosts": {
    "one": {"network": "1", "behind": "home", "addresses": ["192.168.1.10/24", "2001:db8:1::10/64"]},
    "two": {"network": "2", "behind": "home", "addresses": ["192.168.1.11/24"]},
    "server": {"network": "3", "behind": "internet",
               "addresses": ["198.51.100.1/24", "2001:db8:2::1/64"]},
    "other": {"network": "4", "behind": "internet", "addresses": ["198.51.100.2/24"]},
  },
})";

IpAddress address_of(std::string_view text) {
  return IpAddress::parse(text).value_or(IpAddress());
}

Endpoint at(std::string_view address, std::uint16_t port) {
  return {address_of(address), port};
}

constexpr Endpoint kOne{IpAddress::v4({192, 168, 1, 10}), 5000};
constexpr Endpoint kTwo{IpAddress::v4({192, 168, 1, 11}), 5000};
constexpr Endpoint kServer{IpAddress::v4({198, 51, 100, 1}), 443};
constexpr Endpoint kOther{IpAddress::v4({198, 51, 100, 2}), 443};
constexpr Endpoint kExternal{IpAddress::v4({203, 0, 113, 1}), 5000};

struct Delivered {
  std::string host;
  Flow flow;
  TimePoint at;

  bool operator==(const Delivered&) const = default;
};

// A network whose hosts keep what arrives.
class Bench final : public PacketSink {
 public:
  explicit Bench(Topology topology) : topology_(std::move(topology)) {
    auto network = Network::create(topology_, *this);
    WARREN_CHECK(network);
    network_ = std::move(*network);
  }

  explicit Bench(std::string_view text = kLab) : Bench(*parse_topology(text)) {}

  Network& network() { return *network_; }

  void send(std::string_view host, Bytes packet, const virtio::NetHeader& header = {}) {
    network_->on_timeout(now);
    network_->on_packet(index_of(host), header, packet, now);
  }

  void send(std::string_view host, Protocol protocol, const Endpoint& from, const Endpoint& to) {
    send(host, make_packet({protocol, from, to}));
  }

  void advance(Duration by) {
    now += by;
    network_->on_timeout(now);
  }

  bool deliver(NodeIndex host, const virtio::NetHeader& header, ByteView packet) override {
    Bytes bytes(packet.begin(), packet.end());
    if (!header.needs_checksum()) EXPECT_TRUE(has_good_checksums(bytes));
    const auto read = read_packet(header, bytes);
    EXPECT_TRUE(read);
    delivered_packets.push_back(bytes);
    if (is_icmp_error(read->info)) {
      errors.push_back(quoted_flow(*read).value_or(Flow()));
    } else {
      delivered.push_back({network_->counters()[host].name, flow_of(*read).value_or(Flow()), now});
    }
    return accepts;
  }

  NodeCounters counters(std::string_view name) const {
    return network_->counters()[index_of(name)];
  }

  std::uint64_t drops(std::string_view name, Drop drop) const {
    return counters(name).drops[std::to_underlying(drop)];
  }

  TimePoint now{1000s};
  std::vector<Delivered> delivered;
  std::vector<Bytes> delivered_packets;
  std::vector<Flow> errors;  // what they quote
  bool accepts = true;

 private:
  NodeIndex index_of(std::string_view name) const { return network_->find(name).value_or(0); }

  Topology topology_;
  std::unique_ptr<Network> network_;
};

Flow udp(const Endpoint& from, const Endpoint& to) {
  return {Protocol::Udp, from, to};
}

// The classifier's sites, by packets through a whole network.
class PacketSurroundings final : public NatSurroundings {
 public:
  explicit PacketSurroundings(Bench& bench) : bench_(bench) {}

  std::optional<Arrival> send(const Endpoint& from, const Endpoint& to) override {
    bench_.delivered.clear();
    for (const auto& [name, address] : kHosts) {
      if (address_of(address) == from.address) bench_.send(name, Protocol::Udp, from, to);
    }
    if (bench_.delivered.empty()) return std::nullopt;
    const Flow& flow = bench_.delivered.front().flow;
    return Arrival{flow.destination, flow.source};
  }

  void wait(Duration time) override { bench_.advance(time); }

 private:
  static constexpr std::pair<std::string_view, std::string_view> kHosts[] = {
      {"one", "192.168.1.10"},
      {"two", "192.168.1.11"},
      {"server", "198.51.100.1"},
      {"other", "198.51.100.2"},
  };

  Bench& bench_;
};

}  // namespace

TEST(LabNetwork, TranslatesOnTheWayOutAndBack) {
  for (const Protocol protocol : {Protocol::Udp, Protocol::Tcp, Protocol::Icmp}) {
    Bench bench;
    const auto port = [&](Endpoint e) {
      if (protocol == Protocol::Icmp) e.port = 5000;
      return e;
    };
    bench.send("one", protocol, kOne, port(kServer));
    bench.send("server", protocol, port(kServer), kExternal);
    EXPECT_THAT(bench.delivered,
                ElementsAre(Delivered{"server", {protocol, kExternal, port(kServer)}, bench.now},
                            Delivered{"one", {protocol, port(kServer), kOne}, bench.now}));
  }
}

TEST(LabNetwork, DropsUnsolicitedInput) {
  Bench bench;
  bench.send("server", Protocol::Udp, kServer, kExternal);
  EXPECT_EQ(bench.drops("home", Drop::NatNoMapping), 1U);
  bench.send("one", Protocol::Udp, kOne, kServer);
  bench.send("other", Protocol::Udp, kOther, kExternal);
  EXPECT_EQ(bench.drops("home", Drop::NatFiltered), 1U);
  bench.send("server", Protocol::Udp, kServer, kOne);  // a private address
  EXPECT_EQ(bench.drops("internet", Drop::NoRoute), 1U);
  EXPECT_EQ(bench.delivered.size(), 1U);
}

TEST(LabNetwork, NeighboursReachEachOtherWithoutTranslation) {
  Bench bench;
  bench.send("one", Protocol::Udp, kOne, kTwo);
  EXPECT_THAT(bench.delivered, ElementsAre(Delivered{"two", udp(kOne, kTwo), bench.now}));
}

TEST(LabNetwork, BehavesAsItsNatsAreConfigured) {
  for (const auto mapping :
       {Dependence::EndpointIndependent, Dependence::Address, Dependence::AddressAndPort}) {
    for (const auto filtering :
         {Dependence::EndpointIndependent, Dependence::Address, Dependence::AddressAndPort}) {
      for (const auto hairpin : {Hairpin::Off, Hairpin::InternalSource, Hairpin::ExternalSource}) {
        SCOPED_TRACE(fmt::format("mapping {} filtering {} hairpin {}", std::to_underlying(mapping),
                                 std::to_underlying(filtering), std::to_underlying(hairpin)));
        Topology topology = *parse_topology(kLab);
        topology.routers.at("home").nat = NatConfig{.external = {kExternal.address},
                                                    .mapping = mapping,
                                                    .filtering = filtering,
                                                    .hairpin = hairpin};
        Bench bench(topology);
        PacketSurroundings surroundings(bench);
        const auto found =
            NatClassifier(surroundings, {.hosts = {kOne.address, kTwo.address},
                                         .servers = {kServer.address, kOther.address}})
                .classify();
        if (!found) FAIL() << "nothing gets out";
        EXPECT_EQ(found->mapping, mapping);
        EXPECT_EQ(found->filtering, filtering);
        EXPECT_EQ(found->hairpin.value_or(hairpin), hairpin);
      }
    }
  }
}

TEST(LabNetwork, CarriesIpv6BesideANatThroughItsFirewall) {
  Bench bench;
  const Endpoint one = at("2001:db8:1::10", 5000);
  const Endpoint server = at("2001:db8:2::1", 443);
  bench.send("server", Protocol::Udp, server, one);
  EXPECT_EQ(bench.drops("home", Drop::Firewall), 1U);
  bench.send("one", Protocol::Udp, one, server);
  bench.send("server", Protocol::Udp, server, one);
  EXPECT_THAT(bench.delivered, ElementsAre(Delivered{"server", udp(one, server), bench.now},
                                           Delivered{"one", udp(server, one), bench.now}));
}

TEST(LabNetwork, TranslatesErrorsAboutWhatHadLeft) {
  Bench bench;
  ASSERT_TRUE(bench.network().set_link_state("server", LinkState::Up));
  Bytes packet = make_packet(udp(kOne, kServer));
  packet[ip::kIpv4TtlOffset] = 2;  // ends at the internet, behind the NAT
  store_be(packet.data() + ip::kIpv4ChecksumOffset, std::uint16_t{0});
  store_be(packet.data() + ip::kIpv4ChecksumOffset,
           ip::Sum().add(ByteView(packet).first(ip::kIpv4MinHeaderSize)).checksum());
  bench.send("one", packet);
  EXPECT_THAT(bench.errors, ElementsAre(udp(kOne, kServer)));
  EXPECT_EQ(bench.drops("internet", Drop::TtlExceeded), 1U);
}

TEST(LabNetwork, TranslatesErrorsOfHostsBehindTheNat) {
  Bench bench;
  bench.send("one", Protocol::Udp, kOne, kServer);
  bench.send("server", Protocol::Udp, kServer, kExternal);
  Bytes error(kMaxIcmpErrorSize);
  error.resize(write_icmp_error(IcmpError::TooBig, 1000, kOne.address,
                                make_packet(udp(kServer, kOne)), error));
  bench.send("one", error);
  EXPECT_THAT(bench.errors, ElementsAre(udp(kServer, kExternal)));
}

TEST(LabNetwork, SaysWhichMtuALinkHas) {
  Topology topology = *parse_topology(kLab);
  topology.routers.at("home").uplink.mtu = 1400;
  Bench bench(topology);
  bench.send("one", make_packet(udp(kOne, kServer), 1373));
  EXPECT_THAT(bench.errors, ElementsAre(udp(kOne, kServer)));  // of home, after translation
  bench.send("one", make_packet(udp(kOne, kServer), 1372));
  EXPECT_EQ(bench.delivered.size(), 1U);
  bench.send("server", make_packet(udp(kServer, kExternal), 1373));
  EXPECT_EQ(bench.errors.back(), udp(kServer, kExternal));  // of the internet
  EXPECT_EQ(bench.drops("home", Drop::TooBig), 2U);
}

TEST(LabNetwork, IsABlackHoleWhereItSendsNoErrors) {
  Topology topology = *parse_topology(kLab);
  topology.routers.at("home").uplink.mtu = 1400;
  topology.routers.at("home").sends_icmp = false;
  Bench bench(topology);
  bench.send("one", make_packet(udp(kOne, kServer), 1373));
  EXPECT_THAT(bench.errors, IsEmpty());
  EXPECT_EQ(bench.drops("home", Drop::TooBig), 1U);
}

TEST(LabNetwork, DelaysOfSeveralLinksAddUpExactly) {
  Bench bench;
  ASSERT_TRUE(bench.network().set_quality("one", Way::Up, {.delay = 10ms}));
  ASSERT_TRUE(bench.network().set_quality("home", Way::Up, {.delay = 5ms}));
  bench.send("one", Protocol::Udp, kOne, kServer);
  bench.advance(14'999'999ns);
  EXPECT_THAT(bench.delivered, IsEmpty());
  EXPECT_EQ(bench.network().next_timeout(), TimePoint(1000s) + 15ms);
  bench.advance(1ns);
  EXPECT_EQ(bench.delivered.size(), 1U);
  bench.send("one", Protocol::Udp, kOne, kServer);
  bench.advance(1s);  // late for both
  EXPECT_EQ(bench.delivered.size(), 2U);
  EXPECT_EQ(bench.network().next_timeout(), kNever);
}

TEST(LabNetwork, BoundsWhatIsOnItsWay) {
  Topology topology = *parse_topology(kLab);
  topology.max_delayed_bytes = 200;
  topology.hosts.at("one").uplink.up.delay = 1s;
  Bench bench(topology);
  for (int i = 0; i < 3; ++i) bench.send("one", Protocol::Udp, kOne, kServer);  // of 128 bytes
  EXPECT_EQ(bench.drops("one", Drop::DelayedFull), 2U);
  bench.advance(1s);
  EXPECT_EQ(bench.delivered.size(), 1U);
}

TEST(LabNetwork, LosesAndCountsPackets) {
  Bench bench;
  ASSERT_TRUE(bench.network().set_quality("one", Way::Up, {.loss_percent = 100}));
  bench.send("one", Protocol::Udp, kOne, kServer);
  EXPECT_EQ(bench.drops("one", Drop::LinkLoss), 1U);
  ASSERT_TRUE(bench.network().set_quality("one", Way::Up, {}));
  ASSERT_TRUE(bench.network().set_link_state("home", LinkState::Down));
  bench.send("one", Protocol::Udp, kOne, kServer);
  EXPECT_EQ(bench.drops("home", Drop::LinkDown), 1U);
  ASSERT_TRUE(bench.network().set_link_state("home", LinkState::Up));
  bench.accepts = false;
  bench.send("one", Protocol::Udp, kOne, kServer);
  EXPECT_EQ(bench.drops("server", Drop::DeviceRefused), 1U);
}

TEST(LabNetwork, SplitsSuperPacketsOnlyWherePacketsAreToldApart) {
  Bench bench;
  Bytes super = make_packet({Protocol::Tcp, kOne, kServer}, 4000);
  const std::uint16_t partial =
      ip::pseudo_header(ByteView(super).subspan(ip::kIpv4SourceOffset, 8), ip::protocol::kTcp,
                        super.size() - ip::kIpv4MinHeaderSize)
          .folded();
  store_be(super.data() + ip::kIpv4MinHeaderSize + ip::kTcpChecksumOffset, partial);
  const virtio::NetHeader header{.flags = virtio::kNeedsChecksum,
                                 .gso_type = virtio::GsoType::TcpV4,
                                 .header_size = 40,
                                 .gso_size = 1400,
                                 .checksum_start = 20,
                                 .checksum_offset = 16};
  ASSERT_TRUE(bench.network().set_quality("home", Way::Up, {.delay = 1ms}));
  bench.send("one", super, header);
  bench.advance(1ms);
  EXPECT_EQ(bench.delivered.size(), 1U);
  bench.delivered.clear();
  ASSERT_TRUE(bench.network().set_quality("home", Way::Up, {.duplicate_percent = 100}));
  bench.send("one", super, header);
  bench.advance(1ms);
  EXPECT_EQ(bench.delivered.size(), 6U);
  EXPECT_EQ(bench.counters("server").received, 9U);
}

TEST(LabNetwork, BlocksUdpAndForgets) {
  Bench bench;
  ASSERT_TRUE(bench.network().set_block("home", Block::Udp));
  bench.send("one", Protocol::Udp, kOne, kServer);
  EXPECT_EQ(bench.drops("home", Drop::Firewall), 1U);
  bench.send("one", Protocol::Tcp, kOne, kServer);
  EXPECT_EQ(bench.delivered.size(), 1U);
  ASSERT_TRUE(bench.network().set_block("home", Block::Nothing));
  bench.send("one", Protocol::Udp, kOne, kServer);
  EXPECT_EQ(bench.delivered.size(), 2U);
  ASSERT_TRUE(bench.network().forget("home"));
  bench.send("server", Protocol::Udp, kServer, kExternal);
  EXPECT_EQ(bench.drops("home", Drop::NatNoMapping), 1U);
}

TEST(LabNetwork, ChangesTheExternalAddress) {
  Bench bench;
  const Endpoint moved = at("203.0.113.9", 5000);
  ASSERT_TRUE(bench.network().set_external("home", {moved.address}));
  bench.send("one", Protocol::Udp, kOne, kServer);
  bench.send("server", Protocol::Udp, kServer, moved);
  bench.send("server", Protocol::Udp, kServer, kExternal);
  EXPECT_THAT(bench.delivered, ElementsAre(Delivered{"server", udp(moved, kServer), bench.now},
                                           Delivered{"one", udp(kServer, kOne), bench.now}));
  EXPECT_EQ(bench.drops("internet", Drop::NoRoute), 1U);

  const auto taken = bench.network().set_external("home", {kServer.address});
  ASSERT_FALSE(taken);
  EXPECT_THAT(taken.error().detail, HasSubstr("198.51.100.1/32"));
  EXPECT_FALSE(bench.network().set_external("home", {address_of("2001:db8::9")}));
  bench.send("server", Protocol::Udp, kServer, moved);  // nothing was lost
  EXPECT_EQ(bench.delivered.size(), 3U);
}

TEST(LabNetwork, MovesAHost) {
  Bench bench;
  const Endpoint there = at("198.51.100.77", 5000);
  ASSERT_TRUE(bench.network().move("one", "internet", {{there.address, 24}}));
  bench.send("one", Protocol::Udp, there, kServer);
  bench.send("one", Protocol::Udp, kOne, kServer);
  EXPECT_THAT(bench.delivered, ElementsAre(Delivered{"server", udp(there, kServer), bench.now}));
  EXPECT_EQ(bench.drops("one", Drop::ForeignSource), 1U);
  EXPECT_FALSE(bench.network().move("one", "internet", {{kServer.address, 24}}));
  EXPECT_FALSE(bench.network().move("one", "nowhere", {}));
  EXPECT_FALSE(bench.network().move("home", "internet", {}));
  bench.send("one", Protocol::Udp, there, kServer);
  EXPECT_EQ(bench.delivered.size(), 2U);
}

TEST(LabNetwork, CountsWhatItCannotCarry) {
  Bench bench;
  bench.send("one", {0x12, 0x34});
  EXPECT_EQ(bench.drops("one", Drop::BadPacket), 1U);
  bench.send("one", Protocol::Udp, kOne, at("224.0.0.251", 5353));
  EXPECT_EQ(bench.drops("one", Drop::Multicast), 1U);
  bench.send("one", Protocol::Udp, kOne, at("192.168.1.1", 53));
  EXPECT_EQ(bench.drops("home", Drop::ToRouter), 1U);
  Bytes esp = make_packet(udp(kOne, kServer));
  esp[ip::kIpv4ProtocolOffset] = ip::protocol::kEsp;
  bench.send("one", esp);
  EXPECT_EQ(bench.drops("home", Drop::NotTranslatable), 1U);
  EXPECT_THAT(bench.delivered, IsEmpty());
}

TEST(LabNetwork, BlocksUdpAtOneHostAlone) {
  Bench bench;
  bench.send("one", Protocol::Udp, kOne, kServer);
  bench.delivered.clear();
  ASSERT_TRUE(bench.network().set_block("one", Block::Udp));
  bench.send("one", Protocol::Udp, kOne, kServer);
  bench.send("server", Protocol::Udp, kServer, kExternal);
  bench.send("one", Protocol::Tcp, kOne, kServer);
  bench.send("two", Protocol::Udp, kTwo, kServer);
  EXPECT_EQ(bench.drops("one", Drop::Firewall), 2U);
  EXPECT_EQ(bench.delivered.size(), 2U);
  EXPECT_EQ(bench.counters("one").block, Block::Udp);
  EXPECT_EQ(bench.counters("one").behind, "home");
  ASSERT_TRUE(bench.network().set_block("one", Block::Nothing));
  bench.send("one", Protocol::Udp, kOne, kServer);
  EXPECT_EQ(bench.delivered.size(), 3U);
}

TEST(LabNetwork, RefusesAnAddressThatTwoHave) {
  Topology topology = *parse_topology(kLab);
  topology.hosts.at("two").addresses = topology.hosts.at("one").addresses;

  class Nowhere final : public PacketSink {
    bool deliver(NodeIndex, const virtio::NetHeader&, ByteView) override { return false; }
  } nowhere;

  const auto network = Network::create(topology, nowhere);
  ASSERT_FALSE(network);
  EXPECT_EQ(network.error().detail,
            "192.168.1.10/32 of two is already the address of one, which home would confuse");
}

}  // namespace warren::lab
