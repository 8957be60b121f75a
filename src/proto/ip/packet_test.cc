#include "proto/ip/packet.h"

#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "crypto/testing.h"

namespace warren::ip {
namespace {

// disco-wireguard.pcap of the golden data, frame 16, with its payload cut to 4 bytes and the two
// lengths and the IP checksum made to fit.
constexpr const char* kUdp4 =
    "450000 20 c97f4000 4011 1cbd c6336414c6336415 a2a93262000c553e 01000000";
// Written by hand from RFC 8200 section 3 and RFC 9293 section 3.1: ToS 0xB9, flow 0x12345,
// ACK+PSH, 12 bytes of options.
constexpr const char* kTcp6 =
    "6b912345 0024 06 40 fd7a115ca1e000000000000000000001 fd7a115ca1e000000000000000000002"
    "01bb c001 00000001 00000002 80 18 ffff 0000 0000 0101080a0000000100000002 de ad be ef";
constexpr const char* kFragment6 =
    "60000000 0014 2c 40 fd7a115ca1e000000000000000000001 fd7a115ca1e000000000000000000002"
    "11 00 0001 0000002a 0035 d431 0100 0000 01020304";

TEST(IpPacket, ReadsAUdpPacketOverIpv4) {
  const auto packet = from_hex(kUdp4);
  const auto info = parse_packet(packet);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->kind, PacketKind::Transport);
  EXPECT_EQ(info->version, 4);
  EXPECT_EQ(info->protocol, protocol::kUdp);
  EXPECT_EQ(info->source, IpAddress::v4({198, 51, 100, 20}));
  EXPECT_EQ(info->destination, IpAddress::v4({198, 51, 100, 21}));
  EXPECT_EQ(info->source_port, 41641);
  EXPECT_EQ(info->destination_port, 12898);
  EXPECT_EQ(info->ip_header_size, 20);
  EXPECT_EQ(info->transport_header_size, 8);
  EXPECT_EQ(info->total_size, 32U);
  EXPECT_FALSE(info->is_fragment);
  EXPECT_EQ(source_address(packet), info->source);
  EXPECT_EQ(destination_address(packet), info->destination);
}

TEST(IpPacket, ReadsATcpPacketOverIpv6) {
  const auto packet = from_hex(kTcp6);
  const auto info = parse_packet(packet);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->kind, PacketKind::Transport);
  EXPECT_EQ(info->version, 6);
  EXPECT_EQ(info->protocol, protocol::kTcp);
  EXPECT_EQ(info->traffic_class, 0xB9);
  EXPECT_EQ(info->ecn(), Ecn::Ect1);
  EXPECT_EQ(info->tcp_flags, tcp_flag::kAck | tcp_flag::kPsh);
  EXPECT_EQ(info->ip_header_size, 40);
  EXPECT_EQ(info->transport_header_size, 32);
  EXPECT_EQ(IpAddress::parse("fd7a:115c:a1e0::1"), info->source);
  EXPECT_EQ(source_address(packet), info->source);
  EXPECT_EQ(destination_address(packet), info->destination);
  EXPECT_EQ(info->source_port, 443);
}

TEST(IpPacket, RejectsEveryTruncation) {
  for (const char* text : {kUdp4, kTcp6, kFragment6}) {
    const auto packet = from_hex(text);
    ASSERT_TRUE(parse_packet(packet));
    for (std::size_t n = 0; n < packet.size(); ++n) {
      EXPECT_FALSE(parse_packet(ByteView(packet).first(n))) << "length " << n;
      EXPECT_FALSE(inner_length(ByteView(packet).first(n))) << "length " << n;
    }
  }
}

TEST(IpPacket, FindsThePacketInsideItsPadding) {
  for (const char* text : {kUdp4, kTcp6}) {
    auto packet = from_hex(text);
    const std::size_t size = packet.size();
    packet.resize(size + 15);
    EXPECT_EQ(inner_length(packet), size);
    EXPECT_EQ(parse_packet(packet), parse_packet(ByteView(packet).first(size)));
  }
}

TEST(IpPacket, RefusesLengthsAndVersionsThatCannotBe) {
  auto packet = from_hex(kUdp4);
  packet[3] = 19;  // paths section 1.8: at least 20
  EXPECT_EQ(inner_length(packet), unexpected(DecodeError::BadLength));
  packet[3] = 20;
  EXPECT_EQ(inner_length(packet), 20U);
  packet[3] = 33;
  EXPECT_EQ(inner_length(packet), unexpected(DecodeError::BadLength));
  packet[0] = 0x44;  // header of 16 bytes
  packet[3] = 32;
  EXPECT_EQ(parse_packet(packet), unexpected(DecodeError::BadValue));
  packet[0] = 0x49;  // header of 36 bytes in a packet of 32
  EXPECT_EQ(parse_packet(packet), unexpected(DecodeError::BadLength));
  for (const unsigned version : {0U, 1U, 5U, 7U, 15U}) {
    packet[0] = static_cast<std::uint8_t>(version << 4U | 5U);
    EXPECT_EQ(inner_length(packet), unexpected(DecodeError::NotThisMessage));
    EXPECT_EQ(parse_packet(packet), unexpected(DecodeError::NotThisMessage));
  }
}

TEST(IpPacket, HonoursIpv4Options) {
  const auto info =
      parse_packet(from_hex("46000020 00000000 4011 0000 0a000001 0a000002 01010101"
                            "0035 d431 0008 0000"));
  ASSERT_TRUE(info);
  EXPECT_EQ(info->ip_header_size, 24);
  EXPECT_EQ(info->source_port, 53);
}

TEST(IpPacket, TellsFragmentsApartByTheirOffset) {  // paths section 7.1

  constexpr std::tuple<std::uint16_t, PacketKind, bool> kCases[] = {
      {0x4000, PacketKind::Transport, true},  // whole, DF
      {0x2000, PacketKind::Transport, true},  // first
      {0x2001, PacketKind::Unknown, false},   // at 8: could overwrite the header
      {0x0009, PacketKind::Unknown, false},   // at 72
      {0x000A, PacketKind::Fragment, false},  // at 80
      {0x2100, PacketKind::Fragment, false},
  };
  for (const auto& [field, kind, has_ports] : kCases) {
    SCOPED_TRACE(field);
    auto packet = from_hex(kUdp4);
    store_be(packet.data() + kIpv4FragmentOffset, field);
    const auto info = parse_packet(packet);
    ASSERT_TRUE(info);
    EXPECT_EQ(info->kind, kind);
    EXPECT_EQ(info->is_fragment, (field & 0x3FFF) != 0);
    EXPECT_EQ(info->source_port != 0, has_ports);
  }
}

TEST(IpPacket, UnderstandsOneIpv6FragmentHeader) {
  auto packet = from_hex(kFragment6);
  auto info = parse_packet(packet);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->kind, PacketKind::Transport);
  EXPECT_TRUE(info->is_fragment);
  EXPECT_EQ(info->ip_header_size, 48);
  EXPECT_EQ(info->source_port, 53);
  store_be<std::uint16_t>(packet.data() + 42, 80);
  info = parse_packet(packet);
  EXPECT_EQ(info->kind, PacketKind::Fragment);
  EXPECT_EQ(info->source_port, 0);
  store_be<std::uint16_t>(packet.data() + 42, 72);
  EXPECT_EQ(parse_packet(packet)->kind, PacketKind::Unknown);
}

TEST(IpPacket, CallsAnAtomicIpv6FragmentWhole) {  // RFC 6946

  auto packet = from_hex(kFragment6);
  store_be<std::uint16_t>(packet.data() + 42, 0);
  const auto info = parse_packet(packet);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->kind, PacketKind::Transport);
  EXPECT_FALSE(info->is_fragment);
  EXPECT_EQ(info->source_port, 53);
  store_be<std::uint16_t>(packet.data() + 42, 88);
  EXPECT_EQ(parse_packet(packet)->fragment_offset, 88);
}

// An ICMP error about `packet`, of which `size` bytes are quoted.
std::vector<std::uint8_t> error_about(const std::vector<std::uint8_t>& packet, std::size_t size) {
  std::vector<std::uint8_t> out = {3, 1, 0, 0, 0, 0, 0, 0};
  out.insert(out.end(), packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(size));
  return out;
}

TEST(IpQuote, ReadsWhatAnErrorIsAbout) {
  // RFC 792: the header and 64 bits
  const auto quote = parse_quote(error_about(from_hex(kUdp4), 28));
  ASSERT_TRUE(quote);
  EXPECT_EQ(*quote, (Quote{.source = IpAddress::v4({198, 51, 100, 20}),
                           .destination = IpAddress::v4({198, 51, 100, 21}),
                           .protocol = protocol::kUdp,
                           .source_port = 41641,
                           .destination_port = 12898}));
  const auto quote6 = parse_quote(error_about(from_hex(kTcp6), 48));
  ASSERT_TRUE(quote6);
  EXPECT_EQ(quote6->protocol, protocol::kTcp);
  EXPECT_EQ(quote6->source_port, 443);
}

TEST(IpQuote, KnowsFragments) {
  auto packet = from_hex(kFragment6);
  auto quote = parse_quote(error_about(packet, packet.size()));
  ASSERT_TRUE(quote);
  EXPECT_EQ(quote->source_port, 53);
  EXPECT_FALSE(quote->is_later_fragment);
  store_be<std::uint16_t>(packet.data() + 42, 80);
  quote = parse_quote(error_about(packet, 48));
  ASSERT_TRUE(quote);
  EXPECT_EQ(quote->protocol, protocol::kUdp);
  EXPECT_TRUE(quote->is_later_fragment);
  EXPECT_EQ(quote->source_port, 0);
}

TEST(IpQuote, RejectsEveryTruncation) {
  for (const auto& [text, needed] :
       {std::tuple(kUdp4, 24), std::tuple(kTcp6, 44), std::tuple(kFragment6, 52)}) {
    const auto message = error_about(from_hex(text), static_cast<std::size_t>(needed));
    EXPECT_TRUE(parse_quote(message));
    for (std::size_t n = 0; n < message.size(); ++n) {
      EXPECT_FALSE(parse_quote(ByteView(message).first(n))) << "length " << n;
    }
  }
  EXPECT_EQ(parse_quote(std::vector<std::uint8_t>(60, 0x11)),
            unexpected(DecodeError::NotThisMessage));
}

TEST(IpPacket, DoesNotUnderstandOtherIpv6ExtensionHeaders) {
  for (const std::uint8_t next :
       {protocol::kHopByHop, protocol::kRouting, protocol::kAuthentication,
        protocol::kDestinationOptions, protocol::kMobility}) {
    auto direct = from_hex(kTcp6);
    direct[kIpv6NextHeaderOffset] = next;
    EXPECT_EQ(parse_packet(direct)->kind, PacketKind::Unknown) << int{next};
    auto behind_fragment = from_hex(kFragment6);
    behind_fragment[40] = next;
    EXPECT_EQ(parse_packet(behind_fragment)->kind, PacketKind::Unknown) << int{next};
  }
}

TEST(IpPacket, CallsATransportHeaderThatDoesNotFitUnknown) {
  constexpr std::tuple<std::uint8_t, std::size_t, PacketKind> kCases[] = {
      {protocol::kTcp, 20, PacketKind::Transport},
      {protocol::kUdp, 8, PacketKind::Transport},
      {protocol::kSctp, 12, PacketKind::Transport},
      {protocol::kIcmp, 4, PacketKind::Transport},
      {protocol::kIcmpV6, 4, PacketKind::Transport},
      {protocol::kTsmp, 7, PacketKind::OtherProtocol},
      {protocol::kIgmp, 0, PacketKind::OtherProtocol},
  };
  for (const auto& [protocol, smallest, kind] : kCases) {
    for (std::size_t size = 0; size < 40; ++size) {
      SCOPED_TRACE(size);
      std::vector<std::uint8_t> packet(20 + size, 0x55);  // as TCP: a header of 20
      packet[0] = 0x45;
      store_be(packet.data() + 2, static_cast<std::uint16_t>(packet.size()));
      store_be<std::uint16_t>(packet.data() + 6, 0);
      packet[9] = protocol;
      const auto info = parse_packet(packet);
      ASSERT_TRUE(info);
      EXPECT_EQ(info->kind, size < smallest ? PacketKind::Unknown : kind);
    }
  }
}

TEST(IpHeaders, DecodesEveryFieldOfTcpOverIpv6) {
  const auto packet = from_hex(kTcp6);
  const auto outer = decode_ipv6(packet);
  ASSERT_TRUE(outer);
  EXPECT_EQ(outer->traffic_class, 0xB9);
  EXPECT_EQ(outer->flow_label, 0x12345U);
  EXPECT_EQ(outer->next_header, protocol::kTcp);
  EXPECT_EQ(outer->hop_limit, 64);
  const auto tcp = decode_tcp(outer->payload);
  ASSERT_TRUE(tcp);
  EXPECT_EQ(tcp->sequence, 1U);
  EXPECT_EQ(tcp->acknowledgment, 2U);
  EXPECT_EQ(tcp->window, 0xFFFF);
  EXPECT_EQ(tcp->options.size(), 12U);
  EXPECT_EQ(to_hex(tcp->payload), "deadbeef");
  for (std::size_t n = 0; n < 32; ++n) EXPECT_FALSE(decode_tcp(outer->payload.first(n)));
}

TEST(IpHeaders, DecodesEveryFieldOfUdpOverIpv4) {
  const auto packet = from_hex(kUdp4);
  const auto outer = decode_ipv4(packet);
  ASSERT_TRUE(outer);
  EXPECT_EQ(outer->id, 0xc97f);
  EXPECT_TRUE(outer->dont_fragment);
  EXPECT_FALSE(outer->more_fragments);
  EXPECT_EQ(outer->ttl, 64);
  EXPECT_TRUE(outer->options.empty());
  const auto udp = decode_udp(outer->payload);
  ASSERT_TRUE(udp);
  EXPECT_EQ(udp->length, 12);
  EXPECT_EQ(udp->checksum, 0x553e);
  EXPECT_EQ(to_hex(udp->payload), "01000000");
  for (std::size_t n = 0; n < 12; ++n) EXPECT_FALSE(decode_udp(outer->payload.first(n)));
}

TEST(IpHeaders, DecodesAnIcmpMessage) {
  const auto icmp = decode_icmp(from_hex("0800f7ff00000000"));
  ASSERT_TRUE(icmp);
  EXPECT_EQ(icmp->type, 8);
  EXPECT_EQ(icmp->checksum, 0xf7ff);
  EXPECT_EQ(icmp->body.size(), 4U);
  EXPECT_FALSE(decode_icmp(from_hex("0800f7")));
}

}  // namespace
}  // namespace warren::ip
