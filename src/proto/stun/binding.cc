#include "proto/stun/binding.h"

#include <algorithm>
#include <optional>
#include <string_view>

namespace warren::stun {

namespace {

constexpr std::uint32_t kMagicCookie = 0x2112A442;  // RFC 8489 section 5
constexpr std::size_t kHeaderSize = 20;             // RFC 8489 section 5

// RFC 8489 section 5: class and method in one number.
constexpr std::uint16_t kBindingRequest = 0x0001;
constexpr std::uint16_t kBindingSuccess = 0x0101;

// RFC 8489 section 18.3.
constexpr std::uint16_t kMappedAddress = 0x0001;
constexpr std::uint16_t kXorMappedAddress = 0x0020;
constexpr std::uint16_t kSoftware = 0x8022;
constexpr std::uint16_t kFingerprint = 0x8028;
// What some servers say for XOR-MAPPED-ADDRESS (spec: paths section 3.1).
constexpr std::uint16_t kXorMappedAddressMistaken = 0x8020;

constexpr std::string_view kSoftwareName = "tailnode";  // spec: paths section 3.1
constexpr std::uint32_t kFingerprintXor = 0x5354554E;   // RFC 8489 section 14.7
constexpr std::size_t kFingerprintSize = 8;

// RFC 8489 section 14.1.
constexpr std::uint8_t kFamilyIpv4 = 1;
constexpr std::uint8_t kFamilyIpv6 = 2;

// CRC-32 of ITU-T V.42 (RFC 8489 section 14.7), bits reflected.
constexpr std::array<std::uint32_t, 256> kCrcTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0xEDB88320U : 0U);
    table[i] = value;
  }
  return table;
}();

std::uint32_t crc32(ByteView bytes) {
  std::uint32_t value = 0xFFFFFFFF;
  for (const std::uint8_t byte : bytes) value = (value >> 8) ^ kCrcTable[(value ^ byte) & 0xFF];
  return ~value;
}

// The cookie and the transaction, with which addresses are masked (RFC 8489 section 14.2).
std::array<std::uint8_t, 16> address_mask(const TransactionId& transaction) {
  std::array<std::uint8_t, 16> mask{};
  ByteWriter out(mask);
  out.be32(kMagicCookie);
  out.bytes(transaction);
  return mask;
}

constexpr std::uint16_t kPortMask = kMagicCookie >> 16;

template <std::size_t N>
std::array<std::uint8_t, N> masked(std::array<std::uint8_t, N> bytes,
                                   const std::array<std::uint8_t, 16>& mask) {
  for (std::size_t i = 0; i < N; ++i) bytes[i] ^= mask[i];
  return bytes;
}

// The value of MAPPED-ADDRESS, and with the mask that of XOR-MAPPED-ADDRESS.
std::optional<Endpoint> decode_address(ByteView value,
                                       std::uint16_t port_mask,
                                       const std::array<std::uint8_t, 16>& mask) {
  ByteReader in(value);
  in.skip(1);
  const std::uint8_t family = in.u8();
  Endpoint out;
  out.port = in.be16() ^ port_mask;
  if (family == kFamilyIpv4) {
    out.address = IpAddress::v4(masked(in.array<4>(), mask));
  } else if (family == kFamilyIpv6) {
    const IpAddress address = IpAddress::v6(masked(in.array<16>(), mask));
    out.address = address.unmapped().value_or(address);
  } else {
    return std::nullopt;
  }
  if (!in.ok() || in.remaining() > 0) return std::nullopt;
  return out;
}

// The first attribute of each kind that holds the address.
struct AddressAttributes {
  std::optional<ByteView> xored;
  std::optional<ByteView> mistaken;
  std::optional<ByteView> plain;
};

// Reads to the end of `in`, or fails it.
AddressAttributes find_addresses(ByteReader& in) {
  AddressAttributes out;
  while (in.remaining() > 0) {
    const std::uint16_t attribute = in.be16();
    const std::size_t size = in.be16();
    const ByteView value = in.take(size);
    in.skip((4 - size % 4) % 4);  // RFC 8489 section 14: padded to 32 bits
    if (attribute == kXorMappedAddress && !out.xored) out.xored = value;
    if (attribute == kXorMappedAddressMistaken && !out.mistaken) out.mistaken = value;
    if (attribute == kMappedAddress && !out.plain) out.plain = value;
  }
  return out;
}

void write_header(ByteWriter& out,
                  std::uint16_t type,
                  std::size_t message_size,
                  const TransactionId& transaction) {
  out.be16(type);
  out.be16(static_cast<std::uint16_t>(message_size - kHeaderSize));
  out.be32(kMagicCookie);
  out.bytes(transaction);
}

}  // namespace

bool looks_like_binding_success(ByteView datagram) {
  return datagram.size() >= kHeaderSize && (datagram[0] & 0xC0) == 0 && datagram[1] == 0x01 &&
         load_be<std::uint32_t>(&datagram[4]) == kMagicCookie;
}

std::array<std::uint8_t, kBindingRequestSize> encode_binding_request(
    const TransactionId& transaction) {
  std::array<std::uint8_t, kBindingRequestSize> bytes{};
  ByteWriter out(bytes);
  write_header(out, kBindingRequest, kBindingRequestSize, transaction);
  out.be16(kSoftware);
  out.be16(kSoftwareName.size());
  out.bytes(as_bytes(kSoftwareName));
  const std::uint32_t fingerprint =
      crc32(ByteView(bytes).first(kBindingRequestSize - kFingerprintSize)) ^ kFingerprintXor;
  out.be16(kFingerprint);
  out.be16(sizeof fingerprint);
  out.be32(fingerprint);
  return bytes;
}

Result<TransactionId, DecodeError> decode_binding_request(ByteView datagram) {
  if (datagram.size() < kBindingRequestSize) return unexpected(DecodeError::Truncated);
  if (datagram.size() > kBindingRequestSize) return unexpected(DecodeError::BadLength);
  ByteReader in(datagram);
  const std::uint16_t type = in.be16();
  in.skip(2);
  const std::uint32_t cookie = in.be32();
  if (type != kBindingRequest || cookie != kMagicCookie) {
    return unexpected(DecodeError::NotThisMessage);
  }
  const auto transaction = in.array<12>();
  if (!std::ranges::equal(datagram, encode_binding_request(transaction))) {
    return unexpected(DecodeError::BadValue);
  }
  return transaction;
}

std::size_t encode_binding_success(MutableByteView out, const BindingSuccess& message) {
  const IpAddress& address = message.mapped.address;
  const auto mask = address_mask(message.transaction);
  const std::size_t value_size = 4 + address.bytes().size();
  ByteWriter writer(out);
  write_header(writer, kBindingSuccess, kHeaderSize + 4 + value_size, message.transaction);
  writer.be16(kXorMappedAddress);
  writer.be16(static_cast<std::uint16_t>(value_size));
  writer.u8(0);
  writer.u8(address.is_v4() ? kFamilyIpv4 : kFamilyIpv6);
  writer.be16(message.mapped.port ^ kPortMask);
  for (std::size_t i = 0; i < address.bytes().size(); ++i) writer.u8(address.bytes()[i] ^ mask[i]);
  WARREN_CHECK(writer.ok());
  return writer.written();
}

Result<BindingSuccess, DecodeError> decode_binding_success(ByteView datagram) {
  ByteReader in(datagram);
  const std::uint16_t type = in.be16();
  const std::size_t length = in.be16();
  const std::uint32_t cookie = in.be32();
  BindingSuccess out;
  out.transaction = in.array<12>();
  if (!in.ok()) return unexpected(DecodeError::Truncated);
  if (type != kBindingSuccess || cookie != kMagicCookie) {
    return unexpected(DecodeError::NotThisMessage);
  }
  if (length != in.remaining()) return unexpected(DecodeError::BadLength);

  const AddressAttributes found = find_addresses(in);
  if (!in.ok()) return unexpected(DecodeError::Truncated);
  std::optional<Endpoint> mapped;
  if (const auto xored = found.xored ? found.xored : found.mistaken) {
    mapped = decode_address(*xored, kPortMask, address_mask(out.transaction));
  } else if (found.plain) {
    mapped = decode_address(*found.plain, 0, {});
  }
  if (!mapped) return unexpected(DecodeError::BadValue);
  out.mapped = *mapped;
  return out;
}

}  // namespace warren::stun
