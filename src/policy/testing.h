#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ip_address.h"
#include "base/result.h"
#include "policy/filter.h"
#include "proto/ip/packet.h"

// Packets and rules made to order, for tests and fuzz targets only.
namespace warren::policy::testing {

inline IpAddress address(std::string_view text) {
  const auto parsed = IpAddress::parse(text);
  WARREN_CHECK(parsed.has_value());
  return *parsed;
}

inline IpPrefix prefix(std::string_view text) {
  const auto parsed = IpPrefix::parse(text);
  WARREN_CHECK(parsed.has_value());
  return *parsed;
}

struct PacketSpec {
  IpAddress source;
  IpAddress destination;
  std::uint8_t protocol = ip::protocol::kUdp;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint8_t tcp_flags = ip::tcp_flag::kAck;
  std::uint8_t icmp_type = 0;
  std::uint16_t fragment_offset = 0;  // bytes
  bool more_fragments = false;
  std::vector<std::uint8_t> quote = {};  // of an ICMP error
};

// Checksums are not filled in: a filter does not look at them.
inline std::vector<std::uint8_t> make_packet(const PacketSpec& spec) {
  const bool is_v6 = spec.source.is_v6();
  const bool is_cut = spec.fragment_offset > 0 || spec.more_fragments;
  const std::size_t header =
      is_v6 ? ip::kIpv6HeaderSize + (is_cut ? 8 : 0) : ip::kIpv4MinHeaderSize;
  std::vector<std::uint8_t> out(header + 24);
  std::uint8_t* const transport = out.data() + header;
  if (is_v6) {
    out[0] = 0x60;
    out[ip::kIpv6NextHeaderOffset] = spec.protocol;
    std::ranges::copy(spec.source.bytes(), out.begin() + ip::kIpv6SourceOffset);
    std::ranges::copy(spec.destination.bytes(), out.begin() + ip::kIpv6DestinationOffset);
    if (is_cut) {
      out[ip::kIpv6NextHeaderOffset] = ip::protocol::kFragment;
      out[ip::kIpv6HeaderSize] = spec.protocol;
      store_be(out.data() + ip::kIpv6HeaderSize + 2,
               static_cast<std::uint16_t>(spec.fragment_offset | (spec.more_fragments ? 1U : 0U)));
    }
  } else {
    out[0] = 0x45;
    out[ip::kIpv4ProtocolOffset] = spec.protocol;
    store_be(out.data() + ip::kIpv4FragmentOffset,
             static_cast<std::uint16_t>(spec.fragment_offset / 8U |
                                        (spec.more_fragments ? ip::kIpv4MoreFragments : 0U)));
    std::ranges::copy(spec.source.bytes(), out.begin() + ip::kIpv4SourceOffset);
    std::ranges::copy(spec.destination.bytes(), out.begin() + ip::kIpv4DestinationOffset);
  }
  if (spec.protocol == ip::protocol::kIcmp || spec.protocol == ip::protocol::kIcmpV6) {
    transport[0] = spec.icmp_type;
  } else {
    store_be(transport, spec.source_port);
    store_be(transport + 2, spec.destination_port);
    transport[ip::kTcpDataOffset] = 0x50;
    transport[ip::kTcpFlagsOffset] = spec.tcp_flags;
  }
  if (!spec.quote.empty()) {
    out.resize(header + ip::kIcmpQuoteOffset);
    out.insert(out.end(), spec.quote.begin(), spec.quote.end());
  }
  if (is_v6) {
    store_be(out.data() + ip::kIpv6LengthOffset,
             static_cast<std::uint16_t>(out.size() - ip::kIpv6HeaderSize));
  } else {
    store_be(out.data() + ip::kIpv4LengthOffset, static_cast<std::uint16_t>(out.size()));
  }
  return out;
}

inline ip::PacketInfo parse(const std::vector<std::uint8_t>& packet) {
  const auto info = ip::parse_packet(packet);
  WARREN_CHECK(info.has_value());
  return *info;
}

inline ip::PacketInfo parse(const PacketSpec& spec) {
  return parse(make_packet(spec));
}

// The packet that answers.
inline PacketSpec reversed(PacketSpec spec) {
  std::swap(spec.source, spec.destination);
  std::swap(spec.source_port, spec.destination_port);
  return spec;
}

inline WireRule wire_rule(std::vector<std::string> sources,
                          std::vector<WireDestination> destinations,
                          std::vector<std::int64_t> protocols = {}) {
  return {.sources = std::move(sources),
          .destinations = std::move(destinations),
          .protocols = std::move(protocols)};
}

inline FilterRules rules(const std::vector<WireRule>& wire) {
  auto parsed = parse_filter_rules(wire, {});
  WARREN_CHECK(parsed.has_value());
  return *std::move(parsed);
}

inline std::shared_ptr<const Filter> make_filter(const FilterConfig& config) {
  auto made = Filter::create(config);
  WARREN_CHECK(made.has_value());
  return *std::move(made);
}

}  // namespace warren::policy::testing
