#include <vector>

#include "proto/ip/tsmp.h"

using warren::ByteView;
namespace ip = warren::ip;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  const auto length = ip::inner_length(bytes);
  const auto info = ip::parse_packet(bytes);
  if (info) {
    WARREN_CHECK(length && info->total_size == *length);
    WARREN_CHECK(info->ip_header_size + info->transport_header_size <= info->total_size);
    // Trimmed to its own length, a packet reads the same.
    WARREN_CHECK(ip::parse_packet(bytes.first(*length)) == info);
    std::vector<std::uint8_t> marked(bytes.begin(), bytes.end());
    ip::set_ecn(marked, ip::Ecn::Ce);
    WARREN_CHECK(ip::get_ecn(marked) == ip::Ecn::Ce &&
                 ip::parse_packet(marked)->ecn() == ip::Ecn::Ce);
  }
  if (info) {
    const ByteView packet = bytes.first(*length);
    std::vector<std::uint8_t> buffer(packet.begin(), packet.end());
    buffer.resize(*length + ip::kTsmpPongGrowth);
    if (const auto pong = ip::make_tsmp_pong(buffer, *info, 1)) {
      const auto answer = ip::parse_packet(*pong);
      WARREN_CHECK(answer && answer->total_size == pong->size());
      WARREN_CHECK(answer->source == info->destination && answer->destination == info->source);
    }
  }
  if (const auto quote = ip::parse_quote(bytes)) {
    WARREN_CHECK(quote->source.is_v4() == quote->destination.is_v4());
  }
  const auto v4 = ip::decode_ipv4(bytes);
  const auto v6 = ip::decode_ipv6(bytes);
  WARREN_CHECK(!(v4 && v6) && (info.has_value() == (v4 || v6)));
  const ByteView payload = v4 ? v4->payload : v6 ? v6->payload : bytes;
  if (const auto tcp = ip::decode_tcp(payload)) {
    WARREN_CHECK(ip::kTcpMinHeaderSize + tcp->options.size() + tcp->payload.size() ==
                 payload.size());
  }
  if (const auto udp = ip::decode_udp(payload)) {
    WARREN_CHECK(ip::kUdpHeaderSize + udp->payload.size() == udp->length);
  }
  if (const auto icmp = ip::decode_icmp(payload)) {
    WARREN_CHECK(ip::kIcmpMinHeaderSize + icmp->body.size() == payload.size());
  }
  return 0;
}
