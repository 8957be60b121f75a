#include "policy/packet_filter.h"

#include <gtest/gtest.h>

#include "policy/testing.h"

namespace warren::policy {
namespace {

using testing::address;
using testing::make_filter;
using testing::make_packet;
using testing::PacketSpec;
using testing::prefix;
using testing::reversed;
using testing::wire_rule;

namespace protocol = ip::protocol;
namespace tcp_flag = ip::tcp_flag;

const IpAddress kSelf = address("100.64.0.1");
const IpAddress kPeer = address("100.64.0.2");
const IpAddress kSelf6 = address("fd7a:115c:a1e0::1");
const IpAddress kPeer6 = address("fd7a:115c:a1e0::2");

// A node whose peer may reach TCP and UDP port 22, in virtual time.
class PacketFilterTest : public ::testing::Test {
 protected:
  PacketFilterTest() { use(open()); }

  static FilterConfig closed() {
    return {.rules = {},
            .addresses = {kSelf, kSelf6},
            .routes = {},
            .own_networks = {},
            .jailed = {},
            .peer_api = {}};
  }

  static FilterConfig open() {
    FilterConfig config = closed();
    config.rules =
        testing::rules({wire_rule({"100.64.0.2", "fd7a:115c:a1e0::2"},
                                  {{"100.64.0.1", 22, 22}, {"fd7a:115c:a1e0::1", 22, 22}})});
    return config;
  }

  void use(const FilterConfig& config) { filter_.set_filter(make_filter(config)); }

  Verdict in(const PacketSpec& spec) {
    const auto packet = make_packet(spec);
    return filter_.check_inbound(testing::parse(packet), packet, now_);
  }

  Verdict out(const PacketSpec& spec) { return filter_.check_outbound(testing::parse(spec), now_); }

  // A packet of ours, from a port of our choice.
  static PacketSpec ours(std::uint8_t number, std::uint8_t flags = tcp_flag::kSyn) {
    return {.source = kSelf,
            .destination = kPeer,
            .protocol = number,
            .source_port = 5000,
            .destination_port = 53,
            .tcp_flags = flags};
  }

  // A packet of theirs, to the port that is open.
  static PacketSpec theirs(std::uint8_t number, std::uint8_t flags = tcp_flag::kSyn) {
    return {.source = kPeer,
            .destination = kSelf,
            .protocol = number,
            .source_port = 6000,
            .destination_port = 22,
            .tcp_flags = flags};
  }

  static PacketSpec error_about(const PacketSpec& packet) {
    const bool is_v6 = packet.source.is_v6();
    return {.source = packet.destination,
            .destination = packet.source,
            .protocol = is_v6 ? protocol::kIcmpV6 : protocol::kIcmp,
            .icmp_type = is_v6 ? ip::icmp6_type::kTooBig : ip::icmp_type::kUnreachable,
            .quote = make_packet(packet)};
  }

  PacketFilter filter_{1, 1024};
  TimePoint now_{1h};
};

TEST_F(PacketFilterTest, LetsAnswersToOurDatagramsIn) {
  for (const std::uint8_t number : {protocol::kUdp, protocol::kSctp}) {
    const PacketSpec question = ours(number);
    EXPECT_EQ(in(reversed(question)), Verdict::NoRule);
    EXPECT_EQ(out(question), Verdict::Accept);
    EXPECT_EQ(in(reversed(question)), Verdict::Accept);
    PacketSpec other = reversed(question);
    ++other.source_port;
    EXPECT_EQ(in(other), Verdict::NoRule);
    now_ += 119s;
    EXPECT_EQ(in(reversed(question)), Verdict::Accept);
    now_ += 120s;
    EXPECT_EQ(in(reversed(question)), Verdict::NoRule);
  }
}

TEST_F(PacketFilterTest, WaitsHalfAMinuteForTheFirstAnswer) {
  out(ours(protocol::kUdp));
  now_ += 30s;
  EXPECT_EQ(in(reversed(ours(protocol::kUdp))), Verdict::NoRule);
}

TEST_F(PacketFilterTest, LetsAnswersToOurConnectionsInWithoutRules) {
  use(closed());
  out(ours(protocol::kTcp));
  EXPECT_EQ(in(reversed(ours(protocol::kTcp, tcp_flag::kSyn | tcp_flag::kAck))), Verdict::Accept);
  EXPECT_EQ(in(reversed(ours(protocol::kTcp, tcp_flag::kSyn))), Verdict::NoRule);
  EXPECT_EQ(in(reversed(ours(protocol::kTcp, tcp_flag::kAck))), Verdict::Accept);
}

TEST_F(PacketFilterTest, LetsUnknownConnectionsGoOn) {  // stock does: we may have been restarted
  EXPECT_EQ(in(theirs(protocol::kTcp, tcp_flag::kAck)), Verdict::Accept);
  EXPECT_EQ(in(reversed(ours(protocol::kTcp, tcp_flag::kAck))), Verdict::Accept);
}

TEST_F(PacketFilterTest, LetsEchoRepliesIn) {
  use(closed());
  EXPECT_EQ(
      in({.source = kPeer, .destination = kSelf, .protocol = protocol::kIcmp, .icmp_type = 0}),
      Verdict::Accept);
}

TEST_F(PacketFilterTest, CutsTheirFlowsWhenTheRuleIsGone) {
  for (const std::uint8_t number : {protocol::kTcp, protocol::kUdp}) {
    SCOPED_TRACE(int{number});
    use(open());
    EXPECT_EQ(in(theirs(number)), Verdict::Accept);
    EXPECT_EQ(out(reversed(theirs(number, tcp_flag::kSyn | tcp_flag::kAck))), Verdict::Accept);
    EXPECT_EQ(in(theirs(number, tcp_flag::kAck)), Verdict::Accept);
    use(closed());
    EXPECT_EQ(in(theirs(number, tcp_flag::kAck)), Verdict::NoRule);
    // That we go on sending opens nothing.
    EXPECT_EQ(out(reversed(theirs(number, tcp_flag::kAck))), Verdict::Accept);
    EXPECT_EQ(in(theirs(number, tcp_flag::kAck)), Verdict::NoRule);
    use(open());
    EXPECT_EQ(in(theirs(number, tcp_flag::kAck)), Verdict::Accept);
  }
}

TEST_F(PacketFilterTest, ForgetsWhatItCutWhenThatIsIdle) {
  in(theirs(protocol::kUdp));
  out(reversed(theirs(protocol::kUdp)));
  use(closed());
  EXPECT_EQ(in(theirs(protocol::kUdp)), Verdict::NoRule);
  for (int second = 0; second < 130; ++second) {
    now_ += 1s;
    EXPECT_EQ(in(theirs(protocol::kUdp)), Verdict::NoRule);
  }
  out(reversed(theirs(protocol::kUdp)));  // a question of ours now
  EXPECT_EQ(in(theirs(protocol::kUdp)), Verdict::Accept);
}

TEST_F(PacketFilterTest, CutsAConnectionWhoseBeginningWasSeenOnlyAsOurAnswer) {
  out(reversed(theirs(protocol::kTcp, tcp_flag::kSyn | tcp_flag::kAck)));
  EXPECT_EQ(in(theirs(protocol::kTcp, tcp_flag::kAck)), Verdict::Accept);
  use(closed());
  EXPECT_EQ(in(theirs(protocol::kTcp, tcp_flag::kAck)), Verdict::NoRule);
}

TEST_F(PacketFilterTest, KeepsOurFlowsThroughEveryFilter) {
  for (const std::uint8_t number : {protocol::kTcp, protocol::kUdp}) {
    out(ours(number));
    FilterConfig shields_up = open();
    shields_up.shields_up = true;
    FilterConfig jail = open();
    jail.jailed = {prefix("100.64.0.2/32")};
    for (const FilterConfig& config : {closed(), shields_up, jail, open()}) {
      use(config);
      EXPECT_EQ(in(reversed(ours(number, tcp_flag::kAck))), Verdict::Accept);
    }
  }
}

TEST_F(PacketFilterTest, RaisesShieldsAgainstFlowsThatTheyBegan) {
  in(theirs(protocol::kUdp));
  in(theirs(protocol::kTcp));
  FilterConfig shields_up = open();
  shields_up.shields_up = true;
  use(shields_up);
  EXPECT_EQ(in(theirs(protocol::kUdp)), Verdict::ShieldsUp);
  EXPECT_EQ(in(theirs(protocol::kTcp, tcp_flag::kAck)), Verdict::ShieldsUp);
  FilterConfig jail = open();
  jail.jailed = {prefix("100.64.0.2/32")};
  use(jail);
  EXPECT_EQ(in(theirs(protocol::kUdp)), Verdict::Jailed);
  EXPECT_EQ(in(theirs(protocol::kTcp, tcp_flag::kAck)), Verdict::Jailed);
}

TEST_F(PacketFilterTest, ForgetsOurFlowsToAddressesThatAreNoLongerOurs) {
  out(ours(protocol::kUdp));
  EXPECT_EQ(in(reversed(ours(protocol::kUdp))), Verdict::Accept);
  FilterConfig moved = closed();
  moved.addresses = {address("100.64.0.9")};
  use(moved);
  EXPECT_EQ(in(reversed(ours(protocol::kUdp))), Verdict::NotLocal);
}

TEST_F(PacketFilterTest, LetsNobodyBeginAnewOnAFlowOfOurs) {
  out(ours(protocol::kTcp));
  in(reversed(ours(protocol::kTcp, tcp_flag::kSyn | tcp_flag::kAck)));
  EXPECT_EQ(in(reversed(ours(protocol::kTcp, tcp_flag::kSyn))), Verdict::NoRule);
  EXPECT_EQ(in(reversed(ours(protocol::kTcp, tcp_flag::kAck))), Verdict::Accept);
}

TEST_F(PacketFilterTest, LetsOurOwnNewConnectionPassWhereOneWasCut) {
  in(theirs(protocol::kTcp));
  use(closed());
  EXPECT_EQ(in(theirs(protocol::kTcp, tcp_flag::kAck)), Verdict::NoRule);
  out(reversed(theirs(protocol::kTcp, tcp_flag::kSyn)));
  EXPECT_EQ(in(theirs(protocol::kTcp, tcp_flag::kSyn | tcp_flag::kAck)), Verdict::Accept);
}

TEST_F(PacketFilterTest, AcceptsErrorsAboutWhatWeSent) {
  PacketSpec six = ours(protocol::kTcp);
  six.source = kSelf6;
  six.destination = kPeer6;
  PacketSpec echo = ours(protocol::kIcmp);
  echo.icmp_type = ip::icmp_type::kEcho;
  for (const PacketSpec& packet :
       {ours(protocol::kUdp), ours(protocol::kTcp), six, echo, ours(protocol::kEsp)}) {
    EXPECT_EQ(in(error_about(packet)), Verdict::NoFlow);
    out(packet);
    EXPECT_EQ(in(error_about(packet)), Verdict::Accept);
    PacketSpec other = packet;
    other.destination = packet.source.is_v6() ? address("fd7a::77") : address("100.64.0.77");
    EXPECT_EQ(in(error_about(other)), Verdict::NoFlow);
  }
}

TEST_F(PacketFilterTest, AcceptsErrorsAboutAnswersOfOurs) {
  in(theirs(protocol::kUdp));
  EXPECT_EQ(in(error_about(reversed(theirs(protocol::kUdp)))), Verdict::Accept);
}

TEST_F(PacketFilterTest, AcceptsErrorsItCannotJudge) {
  PacketSpec fragment = ours(protocol::kUdp);
  fragment.fragment_offset = 800;
  EXPECT_EQ(in(error_about(fragment)), Verdict::Accept);

  PacketSpec flood = ours(protocol::kUdp);
  for (std::uint16_t port = 0; port < 5000; ++port) {
    flood.source_port = port;
    out(flood);
  }
  ASSERT_GT(filter_.take_evictions(), 0U);
  EXPECT_EQ(in(error_about(ours(protocol::kTcp))), Verdict::Accept);
  now_ += 120s;
  EXPECT_EQ(in(error_about(ours(protocol::kTcp))), Verdict::NoFlow);
}

TEST_F(PacketFilterTest, RefusesErrorsThatQuoteTooLittle) {
  PacketSpec error = error_about(ours(protocol::kUdp));
  out(ours(protocol::kUdp));
  error.quote.resize(20);
  EXPECT_EQ(in(error), Verdict::BadHeader);
}

TEST_F(PacketFilterTest, FiltersNothingOfOursButWhatHasNoPlaceInTheOverlay) {
  use(closed());
  EXPECT_EQ(out(ours(protocol::kUdp)), Verdict::Accept);
  PacketSpec packet = ours(protocol::kUdp);
  packet.destination = address("224.0.0.251");
  EXPECT_EQ(out(packet), Verdict::Multicast);
  packet.destination = address("169.254.3.4");
  EXPECT_EQ(out(packet), Verdict::LinkLocal);
  packet.destination = address("169.254.169.254");
  EXPECT_EQ(out(packet), Verdict::Accept);
  packet.fragment_offset = 16;
  EXPECT_EQ(out(packet), Verdict::Fragment);
  packet.fragment_offset = 1480;
  EXPECT_EQ(out(packet), Verdict::Accept);
}

TEST_F(PacketFilterTest, StaysBoundedUnderAFloodAndFailsClosed) {
  PacketSpec flood = theirs(protocol::kUdp);
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    flood.source_port = static_cast<std::uint16_t>(i);
    flood.source = IpAddress::v4({100, 64, 0, 2});
    now_ += 1us;
    ASSERT_EQ(in(flood), Verdict::Accept);
  }
  EXPECT_GT(filter_.take_evictions(), 0U);
  out(ours(protocol::kUdp));
  for (std::uint32_t i = 0; i < 20'000; ++i) {  // pushes our flow out
    flood.source_port = static_cast<std::uint16_t>(i);
    now_ += 1us;
    in(flood);
  }
  EXPECT_EQ(in(reversed(ours(protocol::kUdp))), Verdict::NoRule);
}

TEST_F(PacketFilterTest, KnowsFlowsApartThatTakeTurns) {
  PacketSpec a = theirs(protocol::kUdp);
  PacketSpec b = theirs(protocol::kUdp);
  b.destination_port = 23;
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(in(a), Verdict::Accept);
    EXPECT_EQ(in(b), Verdict::NoRule);
    EXPECT_EQ(out(ours(protocol::kUdp)), Verdict::Accept);
    EXPECT_EQ(in(reversed(ours(protocol::kUdp))), Verdict::Accept);
  }
}

}  // namespace
}  // namespace warren::policy
