#include "sim/packet.h"

#include <algorithm>

#include "base/result.h"
#include "proto/ip/headers.h"

namespace warren::sim {

std::vector<std::uint8_t> make_packet(const IpAddress& source,
                                      const IpAddress& destination,
                                      std::uint64_t id,
                                      std::size_t extra) {
  WARREN_CHECK(source.is_v4() && destination.is_v4());
  std::vector<std::uint8_t> out(ip::kIpv4MinHeaderSize + sizeof id + extra);
  out[0] = 0x45;  // version 4, five words of header
  store_be(out.data() + ip::kIpv4LengthOffset, static_cast<std::uint16_t>(out.size()));
  out[ip::kIpv4ProtocolOffset] = ip::protocol::kUdp;
  std::ranges::copy(source.bytes(), out.begin() + ip::kIpv4SourceOffset);
  std::ranges::copy(destination.bytes(), out.begin() + ip::kIpv4DestinationOffset);
  store_be(out.data() + ip::kIpv4MinHeaderSize, id);
  return out;
}

std::uint64_t packet_id(ByteView packet) {
  WARREN_CHECK(packet.size() >= ip::kIpv4MinHeaderSize + sizeof(std::uint64_t));
  return load_be<std::uint64_t>(packet.data() + ip::kIpv4MinHeaderSize);
}

}  // namespace warren::sim
