#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/result.h"

// The header before each packet on a TUN device opened with IFF_VNET_HDR (spec: data-plane section
// 2.2): "struct virtio_net_hdr" of Linux's include/uapi/linux/virtio_net.h, Virtual I/O Device
// specification 1.2 section 5.1.6. Ten bytes, native endian:
//
//   flags(1) gso_type(1) header_size(2) gso_size(2) checksum_start(2) checksum_offset(2)
namespace warren::virtio {

inline constexpr std::size_t kNetHeaderSize = 10;

// VIRTIO_NET_HDR_F_NEEDS_CSUM: sum from checksum_start to the end, field included, and store the
// complement at checksum_start + checksum_offset.
inline constexpr std::uint8_t kNeedsChecksum = 1;

enum class GsoType : std::uint8_t {
  None = 0,   // VIRTIO_NET_HDR_GSO_NONE
  TcpV4 = 1,  // VIRTIO_NET_HDR_GSO_TCPV4
  TcpV6 = 4,  // VIRTIO_NET_HDR_GSO_TCPV6
  Udp = 5,    // VIRTIO_NET_HDR_GSO_UDP_L4, Linux 6.2
};

// VIRTIO_NET_HDR_GSO_ECN: TCP with CWR set.
inline constexpr std::uint8_t kGsoEcn = 0x80;

struct NetHeader {
  std::uint8_t flags = 0;
  GsoType gso_type =
      GsoType::None;  // without kGsoEcn; decoded as it is, so it may be none of these
  bool gso_ecn = false;
  std::uint16_t header_size = 0;  // a hint on read, never to be trusted (data-plane section 2.2)
  std::uint16_t gso_size = 0;     // payload bytes of each segment
  std::uint16_t checksum_start = 0;
  std::uint16_t checksum_offset = 0;

  bool needs_checksum() const { return (flags & kNeedsChecksum) != 0; }

  bool operator==(const NetHeader&) const = default;
};

// Reads the first ten bytes.
Result<NetHeader, DecodeError> decode_net_header(ByteView bytes);

void encode_net_header(std::span<std::uint8_t, kNetHeaderSize> out, const NetHeader& header);

}  // namespace warren::virtio
