#include "lab/packet.h"

#include <gtest/gtest.h>

#include "lab/checksum_delta.h"
#include "lab/icmp.h"
#include "lab/testing/packets.h"

namespace warren::lab {

namespace {

using testing::Bytes;
using testing::has_good_checksums;
using testing::make_packet;

IpAddress address_of(std::string_view text) {
  return IpAddress::parse(text).value_or(IpAddress());
}

Endpoint at(std::string_view address, std::uint16_t port) {
  return {address_of(address), port};
}

Flow flow_v4(Protocol protocol) {
  return {protocol, at("192.168.1.10", 5000),
          at("198.51.100.1", protocol == Protocol::Icmp ? 5000 : 443)};
}

Flow flow_v6(Protocol protocol) {
  return {protocol, at("fd00::10", 5000),
          at("2001:db8::1", protocol == Protocol::Icmp ? 5000 : 443)};
}

Packet read(Bytes& bytes) {
  return *read_packet({}, bytes);
}

constexpr Protocol kProtocols[] = {Protocol::Udp, Protocol::Tcp, Protocol::Icmp};

}  // namespace

TEST(LabPacket, ReadsTheFlowOfWhatANatTranslates) {
  for (const Protocol protocol : kProtocols) {
    Bytes v4 = make_packet(flow_v4(protocol));
    EXPECT_EQ(flow_of(read(v4)), flow_v4(protocol));
    Bytes v6 = make_packet(flow_v6(protocol));
    EXPECT_EQ(flow_of(read(v6)), flow_v6(protocol));
  }
}

TEST(LabPacket, FragmentsAndOtherProtocolsHaveNoFlow) {
  Bytes fragment = make_packet(flow_v4(Protocol::Udp));
  store_be(fragment.data() + ip::kIpv4FragmentOffset, ip::kIpv4MoreFragments);
  EXPECT_EQ(flow_of(read(fragment)), std::nullopt);
  Bytes other = make_packet(flow_v4(Protocol::Udp));
  other[ip::kIpv4ProtocolOffset] = ip::protocol::kEsp;
  EXPECT_EQ(flow_of(read(other)), std::nullopt);
}

TEST(LabPacket, RewritingIsAsMakingItAnew) {
  for (const Protocol protocol : kProtocols) {
    for (const bool is_v6 : {false, true}) {
      SCOPED_TRACE(static_cast<int>(protocol));
      const Flow from = is_v6 ? flow_v6(protocol) : flow_v4(protocol);
      Flow to = from;
      to.source = is_v6 ? at("2001:db8:ffff::2", 1234) : at("203.0.113.255", 1234);
      if (protocol == Protocol::Icmp) to.destination.port = from.destination.port;
      Bytes bytes = make_packet(from);
      Packet packet = read(bytes);
      rewrite(packet, from, to);
      if (protocol == Protocol::Icmp) to.destination.port = 1234;  // one field holds both
      EXPECT_EQ(bytes, make_packet(to));
      EXPECT_EQ(packet.info, ip::parse_packet(bytes));
    }
  }
}

TEST(LabPacket, RewritesThePartialChecksumOfAnOffloadedPacket) {
  for (const bool is_v6 : {false, true}) {
    const Flow from = is_v6 ? flow_v6(Protocol::Tcp) : flow_v4(Protocol::Tcp);
    const Flow to{Protocol::Tcp, is_v6 ? at("2001:db8::9", 77) : at("203.0.113.1", 77),
                  from.destination};
    const std::uint16_t start = is_v6 ? ip::kIpv6HeaderSize : ip::kIpv4MinHeaderSize;
    const auto partial_of = [&](const Bytes& packet) {
      return ip::pseudo_header(
                 ByteView(packet).subspan(is_v6 ? ip::kIpv6SourceOffset : ip::kIpv4SourceOffset,
                                          is_v6 ? 32 : 8),
                 ip::protocol::kTcp, packet.size() - start)
          .folded();
    };
    Bytes bytes = make_packet(from);
    store_be(bytes.data() + start + ip::kTcpChecksumOffset, partial_of(bytes));
    Bytes expected = make_packet(to);
    store_be(expected.data() + start + ip::kTcpChecksumOffset, partial_of(expected));

    auto packet = read_packet({.flags = virtio::kNeedsChecksum,
                               .checksum_start = start,
                               .checksum_offset = ip::kTcpChecksumOffset},
                              bytes);
    ASSERT_TRUE(packet);
    rewrite(*packet, from, to);
    EXPECT_EQ(bytes, expected);
  }
}

TEST(LabPacket, LeavesUdpWithoutChecksumWithout) {
  Bytes bytes = make_packet(flow_v4(Protocol::Udp));
  std::uint8_t* const checksum = bytes.data() + ip::kIpv4MinHeaderSize + ip::kUdpChecksumOffset;
  store_be(checksum, std::uint16_t{0});
  Packet packet = read(bytes);
  Flow to = flow_v4(Protocol::Udp);
  to.source.port = 9;
  rewrite(packet, flow_v4(Protocol::Udp), to);
  EXPECT_EQ(load_be<std::uint16_t>(checksum), 0);
}

TEST(LabPacket, NeverWritesAUdpChecksumOfZero) {
  std::uint8_t field[2] = {0x12, 0x34};
  ChecksumDelta delta;
  delta.replace(0, 0x1234);  // what takes it to zero
  delta.apply_udp(field);
  EXPECT_EQ(load_be<std::uint16_t>(field), 0xFFFF);
}

TEST(LabPacket, DecrementsTheTtlUntilNoneIsLeft) {
  for (const bool is_v6 : {false, true}) {
    Bytes bytes = make_packet(is_v6 ? flow_v6(Protocol::Udp) : flow_v4(Protocol::Udp));
    Packet packet = read(bytes);
    for (int i = 0; i < 63; ++i) {
      EXPECT_TRUE(decrement_ttl(packet));
      EXPECT_TRUE(has_good_checksums(bytes));
    }
    const Bytes last = bytes;
    EXPECT_FALSE(decrement_ttl(packet));
    EXPECT_EQ(bytes, last);
  }
}

TEST(LabPacket, KnowsHowASuperPacketWillBeCut) {
  Bytes bytes = make_packet(flow_v4(Protocol::Tcp), 3000);
  const auto packet = read_packet(
      {.flags = 3, .gso_type = virtio::GsoType::TcpV4, .header_size = 9999, .gso_size = 1400},
      bytes);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->segment_count(), 3U);
  EXPECT_EQ(packet->largest_segment(), 1440U);
  EXPECT_EQ(packet->header.header_size, 40);
  EXPECT_EQ(packet->header.flags, virtio::kNeedsChecksum);
}

TEST(LabIcmp, QuotesThePacketItIsAbout) {
  for (const Protocol protocol : kProtocols) {
    for (const bool is_v6 : {false, true}) {
      const Flow flow = is_v6 ? flow_v6(protocol) : flow_v4(protocol);
      const Bytes offending = make_packet(flow, 1400);
      Bytes bytes(kMaxIcmpErrorSize);
      const IpAddress router = address_of(is_v6 ? "fd00::1" : "192.168.1.1");
      bytes.resize(write_icmp_error(IcmpError::TooBig, 1280, router, offending, bytes));
      EXPECT_TRUE(has_good_checksums(bytes));
      EXPECT_EQ(bytes.size(), is_v6 ? 1280U : 576U);
      const Packet error = read(bytes);
      EXPECT_TRUE(is_icmp_error(error.info));
      EXPECT_FALSE(may_be_answered(error));
      EXPECT_EQ(error.info.destination, flow.source.address);
      EXPECT_EQ(quoted_flow(error), flow);
      EXPECT_EQ(load_be<std::uint16_t>(bytes.data() + error.info.ip_header_size + 6), 1280);
    }
  }
}

TEST(LabIcmp, TranslatesTheQuotedPacketWithItsChecksums) {
  for (const Protocol protocol : kProtocols) {
    const Flow outside = flow_v4(protocol);
    Flow inside = outside;
    inside.source = at("10.9.8.7", 7);
    // Short enough to be quoted whole, so that its checksums can be verified.
    const Bytes offending = make_packet(outside, 20);
    Bytes bytes(kMaxIcmpErrorSize);
    bytes.resize(
        write_icmp_error(IcmpError::TimeExceeded, 0, address_of("192.0.2.1"), offending, bytes));
    Packet error = read(bytes);
    rewrite_error(error, outside, inside, error.info.source, inside.source.address);
    EXPECT_TRUE(has_good_checksums(bytes));
    EXPECT_EQ(error.info, ip::parse_packet(bytes));
    EXPECT_EQ(error.info.destination, inside.source.address);
    EXPECT_TRUE(has_good_checksums(ByteView(bytes).subspan(28)));
    if (protocol == Protocol::Icmp) inside.destination.port = inside.source.port;
    EXPECT_EQ(quoted_flow(error), inside);
  }
}

TEST(LabIcmp, RefusesEveryQuoteThatIsTooShort) {
  const Bytes offending = make_packet(flow_v4(Protocol::Tcp), 0);
  for (std::size_t size = 0; size < offending.size(); ++size) {
    Bytes bytes(kMaxIcmpErrorSize);
    // The address of whom to answer is read from the whole header.
    Bytes padded(ByteView(offending).begin(), ByteView(offending).end());
    bytes.resize(write_icmp_error(IcmpError::TooBig, 1280, address_of("192.0.2.1"), padded, bytes));
    bytes.resize(28 + size);
    store_be(bytes.data() + ip::kIpv4LengthOffset, static_cast<std::uint16_t>(bytes.size()));
    EXPECT_EQ(quoted_flow(read(bytes)).has_value(), size >= 28) << size;
  }
}

}  // namespace warren::lab
