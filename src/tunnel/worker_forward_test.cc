#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy/filter.h"
#include "tunnel/testing/hub.h"

// A hub's packet path: from one peer to another, without the device.
namespace warren::tunnel {
namespace {

using ::testing::IsEmpty;
using testing::Side;
using ::testing::SizeIs;
using testing::tcp_super_packet;
using testing::udp_packet;
using Bytes = std::vector<std::uint8_t>;

Bytes answer_to(Bytes packet) {
  std::swap_ranges(&packet[10 + 12], &packet[10 + 16], &packet[10 + 16]);
  std::swap_ranges(&packet[10 + 20], &packet[10 + 22], &packet[10 + 22]);
  return packet;
}

// As a peer that is `from` in the keys sends it, whatever the packet says.
Bytes from_address(Bytes packet, const IpAddress& source) {
  std::ranges::copy(source.bytes(), packet.begin() + 10 + 12);
  return packet;
}

class WorkerForward : public ::testing::Test {
 protected:
  WorkerForward() { hub.connect(); }

  std::size_t send(Side& from, Side& to, const Bytes& packet) { return hub.send(from, to, packet); }

  // Lets UDP in to `ports` of the hub and the devices.
  void set_filter(policy::PortRange ports) {
    policy::FilterConfig config;
    config.rules.rules = {{.sources = {policy::AddressRange::all(false)},
                           .destinations = {{policy::AddressRange::all(false), ports}},
                           .protocols = {ip::protocol::kUdp}}};
    config.addresses = {hub.hub.inner};
    config.routes = {IpPrefix(hub.phone.inner, 32), IpPrefix(hub.tablet.inner, 32)};
    hub.hub.control.set_filter(*policy::Filter::create(config));
  }

  testing::Hub hub;
  Side& phone = hub.phone;
  Side& tablet = hub.tablet;
  Side& laptop = hub.laptop;
  Side& desktop = hub.desktop;
};

constexpr policy::PortRange kOpen{.first = 2222, .last = 2222};  // where udp_packet goes
constexpr policy::PortRange kShut{.first = 2223, .last = 65535};

TEST_F(WorkerForward, CarriesDevicesToEachOtherAndToMeshNodes) {
  const std::size_t writes = hub.hub.tun.writes;
  EXPECT_EQ(send(phone, tablet, udp_packet(phone, tablet, 100)), 1U);
  EXPECT_EQ(send(phone, laptop, udp_packet(phone, laptop, 100)), 1U);
  EXPECT_EQ(send(laptop, phone, udp_packet(laptop, phone, 100)), 1U);
  EXPECT_EQ(hub.count(Counter::ForwardedPackets), 3U);
  EXPECT_EQ(hub.count(Counter::ForwardedBytes), 3U * 128);
  EXPECT_EQ(hub.hub.tun.writes, writes) << "the kernel saw nothing of it";
}

TEST_F(WorkerForward, LeavesThePacketAsItWas) {
  const Bytes packet = udp_packet(phone, laptop, 1001);
  phone.tun.put(packet);
  hub.settle();
  EXPECT_EQ(laptop.tun.take(), packet);
}

TEST_F(WorkerForward, CarriesNothingBetweenMeshNodesNorBack) {
  EXPECT_EQ(send(laptop, desktop, udp_packet(laptop, desktop, 100)), 0U);
  EXPECT_EQ(hub.hub.drops(DropReason::ForwardRefused), 1U);
  EXPECT_EQ(send(phone, phone, udp_packet(phone, phone, 100)), 0U);
  EXPECT_EQ(hub.hub.drops(DropReason::ForwardRefused), 2U);
  EXPECT_EQ(hub.hub.tun.discard(), 0U);
}

TEST_F(WorkerForward, CountsWhatIsForNobody) {
  auto packet = udp_packet(phone, laptop, 100);
  packet[10 + 19] = 99;
  EXPECT_EQ(send(phone, laptop, packet), 0U);
  EXPECT_EQ(hub.hub.drops(DropReason::NoPeer), 1U);
  EXPECT_EQ(hub.hub.tun.discard(), 0U);
}

TEST_F(WorkerForward, DropsForgedSources) {
  const auto forged = from_address(udp_packet(phone, laptop, 100), tablet.inner);
  EXPECT_EQ(send(phone, laptop, forged), 0U);
  EXPECT_EQ(hub.hub.drops(DropReason::InnerSource), 1U);
}

TEST_F(WorkerForward, IsOffUnlessItWasSwitchedOn) {
  hub.hub.control.set_forwarding(false);
  EXPECT_EQ(send(phone, tablet, udp_packet(phone, tablet, 100)), 0U);
  EXPECT_EQ(hub.hub.tun.discard(), 1U);
  EXPECT_EQ(hub.count(Counter::ForwardedPackets), 0U);
}

TEST_F(WorkerForward, TheHubTalksToDevicesItself) {
  EXPECT_EQ(send(phone, hub.hub, udp_packet(phone, hub.hub, 100)), 1U);
  EXPECT_EQ(send(hub.hub, phone, udp_packet(hub.hub, phone, 100)), 1U);
  EXPECT_EQ(hub.count(Counter::ForwardedPackets), 0U);
}

TEST_F(WorkerForward, SendsABurstInFewMessages) {
  const std::size_t before = hub.hub.udp->sent;
  const std::uint64_t runs = hub.count(Counter::SealRuns);
  EXPECT_EQ(send(phone, laptop, tcp_super_packet(phone, laptop, 60'000, 1'368)), 1U);
  EXPECT_EQ(hub.count(Counter::ForwardedPackets), 44U);
  EXPECT_LE(hub.hub.udp->sent - before, 2U);
  EXPECT_EQ(hub.count(Counter::SealRuns) - runs, 3U) << "sixteen at a time";
}

TEST_F(WorkerForward, KeepsTheOrderOfABurstForSeveral) {
  for (int i = 0; i < 40; ++i) {
    phone.tun.put(udp_packet(phone, laptop, 10 + static_cast<std::size_t>(i)));
    phone.tun.put(udp_packet(phone, tablet, 10 + static_cast<std::size_t>(i)));
  }
  hub.settle();
  for (Side* const to : {&laptop, &tablet}) {
    for (std::size_t i = 0; i < 40; ++i) EXPECT_THAT(to->tun.take(), SizeIs(10 + 28 + 10 + i));
    EXPECT_THAT(to->tun.take(), IsEmpty());
  }
}

TEST_F(WorkerForward, WaitsForAKey) {
  hub.clock.advance(200s);  // all keys are too old
  EXPECT_EQ(send(laptop, phone, udp_packet(laptop, phone, 100)), 1U);
  EXPECT_EQ(hub.count(Counter::ForwardedPackets), 1U);
  EXPECT_EQ(hub.hub.drops(DropReason::FilterBogon), 0U);
}

TEST_F(WorkerForward, FollowsADevice) {
  phone.move_to("192.0.2.77", 7777);
  EXPECT_EQ(send(phone, laptop, udp_packet(phone, laptop, 10)), 1U);
  EXPECT_EQ(hub.hub.control.engine().status(phone.peer).endpoint->to_string(), "192.0.2.77:7777");
  EXPECT_EQ(send(laptop, phone, udp_packet(laptop, phone, 10)), 1U);
}

TEST_F(WorkerForward, AMeshNodesPathIsNotMovedByWhatItSends) {
  laptop.move_to("192.0.2.88", 8888);
  EXPECT_EQ(send(laptop, phone, udp_packet(laptop, phone, 10)), 1U);
  EXPECT_EQ(hub.hub.control.engine().status(laptop.peer).endpoint->to_string(), "192.0.2.4:51820");
}

TEST_F(WorkerForward, AsksTheFilterForDevices) {
  set_filter(kShut);
  EXPECT_EQ(send(laptop, phone, udp_packet(laptop, phone, 10)), 0U);
  hub.clock.advance(1ms);
  EXPECT_EQ(send(tablet, phone, udp_packet(tablet, phone, 10)), 0U);
  EXPECT_EQ(hub.hub.drops(DropReason::FilterNoRule), 2U);
  const auto drops = hub.hub.control.link().packet_filter->drops().read();
  ASSERT_THAT(drops, SizeIs(2));
  EXPECT_EQ(drops[0].peer, tablet.peer.value);
  EXPECT_EQ(drops[1].peer, laptop.peer.value);
  set_filter(kOpen);
  EXPECT_EQ(send(laptop, phone, udp_packet(laptop, phone, 10)), 1U);
  EXPECT_EQ(send(tablet, phone, udp_packet(tablet, phone, 11)), 1U);
}

TEST_F(WorkerForward, LetsAnswersBackWhateverTheRulesSay) {
  set_filter(kShut);
  const auto question = udp_packet(phone, laptop, 10);
  EXPECT_EQ(send(laptop, phone, answer_to(question)), 0U);
  EXPECT_EQ(send(phone, laptop, question), 1U) << "the laptop's own filter decides";
  EXPECT_EQ(send(laptop, phone, answer_to(question)), 1U);
}

TEST_F(WorkerForward, LetsAnswersOfDevicesBackToDevices) {
  set_filter(kOpen);
  const auto question = udp_packet(phone, tablet, 10);
  EXPECT_EQ(send(phone, tablet, question), 1U);
  EXPECT_EQ(send(tablet, phone, answer_to(question)), 1U);
  auto other = answer_to(question);
  other[10 + 21] ^= 1;
  EXPECT_EQ(send(tablet, phone, other), 0U) << "of a flow that nobody began";
}

TEST_F(WorkerForward, AnswersOfADeviceKeepTheFlowAlive) {
  set_filter(kOpen);
  const auto question = udp_packet(laptop, phone, 10);
  EXPECT_EQ(send(laptop, phone, question), 1U);
  EXPECT_EQ(send(phone, laptop, answer_to(question)), 1U);
  EXPECT_EQ(hub.hub.drops(DropReason::FilterNoRule), 0U);
}

TEST_F(WorkerForward, CutsADeviceThatWasRemoved) {
  hub.hub.control.configure([&](wg::Engine& engine, TimePoint now,
                                wg::Actions& out) { engine.remove_peer(phone.peer, now, out); },
                            hub.clock.now());
  EXPECT_EQ(send(phone, laptop, udp_packet(phone, laptop, 10)), 0U);
  EXPECT_EQ(send(laptop, phone, udp_packet(laptop, phone, 10)), 0U);
  EXPECT_GE(hub.hub.drops(DropReason::RxIndex), 1U);
  EXPECT_EQ(hub.hub.drops(DropReason::NoPeer), 1U);
}

TEST_F(WorkerForward, TakesNothingOfADeviceFromARelay) {
  hub.network.record = true;
  phone.tun.put(udp_packet(phone, laptop, 10));
  phone.worker->round();
  ASSERT_THAT(hub.network.recorded, ::testing::Not(IsEmpty()));
  const Bytes datagram = hub.network.recorded.back();
  const relay::Route route{.region = testing::kRegion, .peer = laptop.private_key.public_key()};
  ASSERT_TRUE(hub.relay.rings().inbound.push(route, datagram));
  const std::uint64_t before = hub.hub.drops(DropReason::RxUnknown);
  hub.settle();
  EXPECT_EQ(hub.hub.drops(DropReason::RxUnknown), before + 1);
  EXPECT_EQ(laptop.tun.discard(), 1U) << "what came by itself";
}

TEST_F(WorkerForward, ADeviceThatTheHubHasForgottenIsAskedWhereItWasHeardLast) {
  // As after a restart: keys are gone, but where it was is known.
  hub.hub.control.configure(
      [&](wg::Engine& engine, TimePoint now, wg::Actions& out) {
        engine.remove_peer(phone.peer, now, out);
        phone.peer = *engine.add_peer(phone.private_key.public_key(), wg::PathMode::Roaming);
        engine.add_allowed_ip(phone.peer, IpPrefix(phone.inner, 32));
        engine.set_endpoint(phone.peer, *Endpoint::parse(phone.address));
      },
      hub.clock.now());
  EXPECT_EQ(send(phone, laptop, udp_packet(phone, laptop, 10)), 0U) << "lost, but it was heard";
  EXPECT_EQ(send(phone, laptop, udp_packet(phone, laptop, 10)), 1U);
  EXPECT_EQ(send(laptop, phone, udp_packet(laptop, phone, 10)), 1U);
}

TEST_F(WorkerForward, DevicesAnswerNoPings) {
  hub.hub.control.tell_paths(
      [&](Paths& paths) {
        const auto asked = paths.ping(phone.peer, [](const path::PingAnswer&) {}, hub.clock.now());
        ASSERT_FALSE(asked);
        EXPECT_EQ(asked.error().code, Errc::Unsupported);
      },
      hub.clock.now());
}

}  // namespace
}  // namespace warren::tunnel
