#include "proto/virtio/net_header.h"

#include <cstring>
#include <utility>

namespace warren::virtio {

namespace {

std::uint16_t load_native(const std::uint8_t* at) {
  std::uint16_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return value;
}

void store_native(std::uint8_t* at, std::uint16_t value) {
  std::memcpy(at, &value, sizeof value);
}

}  // namespace

Result<NetHeader, DecodeError> decode_net_header(ByteView bytes) {
  if (bytes.size() < kNetHeaderSize) return unexpected(DecodeError::Truncated);
  NetHeader out;
  out.flags = bytes[0];
  out.gso_type = static_cast<GsoType>(bytes[1] & ~kGsoEcn);
  out.gso_ecn = (bytes[1] & kGsoEcn) != 0;
  out.header_size = load_native(bytes.data() + 2);
  out.gso_size = load_native(bytes.data() + 4);
  out.checksum_start = load_native(bytes.data() + 6);
  out.checksum_offset = load_native(bytes.data() + 8);
  return out;
}

void encode_net_header(std::span<std::uint8_t, kNetHeaderSize> out, const NetHeader& header) {
  out[0] = header.flags;
  out[1] = std::to_underlying(header.gso_type);
  if (header.gso_ecn) out[1] |= kGsoEcn;
  store_native(out.data() + 2, header.header_size);
  store_native(out.data() + 4, header.gso_size);
  store_native(out.data() + 6, header.checksum_start);
  store_native(out.data() + 8, header.checksum_offset);
}

}  // namespace warren::virtio
