#include "io/tun_probe.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/result.h"

namespace warren::io {

namespace {

// data-plane section 2.2: the virtio header, native endian.
constexpr std::uint8_t kNeedsChecksum = 1;
constexpr std::uint8_t kGsoTcp4 = 1;
constexpr std::uint8_t kGsoTcp6 = 4;
constexpr std::uint8_t kGsoUdp = 5;
constexpr std::size_t kVirtioSize = 10;

constexpr std::uint8_t kProtocolTcp = 6;
constexpr std::uint8_t kProtocolUdp = 17;
constexpr std::uint16_t kDiscardPort = 9;  // RFC 863
constexpr std::uint16_t kSegment = 64;     // payload bytes of the first segment

std::uint32_t sum_words(ByteView bytes) {  // even sizes only
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) sum += load_be<std::uint16_t>(&bytes[i]);
  return sum;
}

std::uint16_t fold(std::uint32_t sum) {
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

void write_ip_header(ByteWriter& out,
                     const IpAddress& own,
                     std::uint8_t protocol,
                     std::size_t size) {
  if (own.is_v4()) {
    std::array<std::uint8_t, 20> header{};
    ByteWriter ip(header);
    ip.be16(0x4500);
    ip.be16(static_cast<std::uint16_t>(header.size() + size));
    ip.be32(0x4000);  // no fragments
    ip.u8(0);         // TTL
    ip.u8(protocol);
    ip.be16(0);
    ip.bytes(own.bytes());
    ip.bytes(own.bytes());
    store_be(&header[10], static_cast<std::uint16_t>(~fold(sum_words(header))));
    out.bytes(header);
    return;
  }
  out.be32(0x60000000);
  out.be16(static_cast<std::uint16_t>(size));
  out.u8(protocol);
  out.u8(0);  // hop limit
  out.bytes(own.bytes());
  out.bytes(own.bytes());
}

// `checksum` is the folded sum over the pseudo-header, as NEEDS_CSUM wants it.
void write_transport_header(ByteWriter& out,
                            std::uint8_t protocol,
                            std::size_t size,
                            std::uint16_t checksum) {
  out.be16(kDiscardPort);
  out.be16(kDiscardPort);
  if (protocol == kProtocolUdp) {
    out.be16(static_cast<std::uint16_t>(size));
    out.be16(checksum);
    return;
  }
  out.be32(0);       // sequence
  out.be32(0);       // acknowledgement
  out.be16(0x5010);  // header of 20 bytes, ACK
  out.be16(0);       // window
  out.be16(checksum);
  out.be16(0);
}

bool accepts(TunPort& device, const IpAddress& own, std::uint8_t protocol, std::size_t tail) {
  const bool is_tcp = protocol == kProtocolTcp;
  const std::size_t ip_size = own.is_v4() ? 20 : 40;
  const std::size_t header_size = is_tcp ? 20 : 8;
  const std::size_t size = header_size + kSegment + tail;
  const std::uint32_t pseudo =
      2 * sum_words(own.bytes()) + protocol + static_cast<std::uint32_t>(size);

  std::array<std::uint8_t, kVirtioSize + 40 + 20 + 2 * std::size_t{kSegment}> buffer{};
  buffer[0] = kNeedsChecksum;
  buffer[1] = is_tcp ? (own.is_v4() ? kGsoTcp4 : kGsoTcp6) : kGsoUdp;
  const std::uint16_t fields[] = {static_cast<std::uint16_t>(ip_size + header_size), kSegment,
                                  static_cast<std::uint16_t>(ip_size),
                                  is_tcp ? std::uint16_t{16} : std::uint16_t{6}};
  std::memcpy(&buffer[2], fields, sizeof fields);
  ByteWriter out(MutableByteView(buffer).subspan(kVirtioSize));
  write_ip_header(out, own, protocol, size);
  write_transport_header(out, protocol, size, fold(pseudo));
  WARREN_CHECK(out.ok());

  const iovec part{.iov_base = buffer.data(), .iov_len = kVirtioSize + ip_size + size};
  return device.write({&part, 1}) != -EINVAL;
}

bool accepts_all(TunPort& device, std::span<const IpAddress> own, std::uint8_t protocol) {
  return std::ranges::all_of(own, [&](const IpAddress& address) {
    return accepts(device, address, protocol, kSegment) && accepts(device, address, protocol, 1);
  });
}

}  // namespace

TunOffloads probe_coalescing(TunPort& device,
                             const TunOffloads& advertised,
                             std::span<const IpAddress> own_addresses) {
  TunOffloads out = advertised;
  out.tcp = advertised.tcp && accepts_all(device, own_addresses, kProtocolTcp);
  out.udp = advertised.udp && accepts_all(device, own_addresses, kProtocolUdp);
  return out;
}

}  // namespace warren::io
