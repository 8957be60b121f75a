#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"

// WireGuard's four messages (spec: paths section 1.2; wireguard.com/papers/wireguard.pdf
// section 5.4). Numbers are little-endian. The first four bytes are the type as a 32-bit number, so
// bytes 1 to 3 are zero.
//
//   initiation 148   type sender(4) ephemeral(32) static(48) timestamp(28) mac1(16) mac2(16)
//   response    92   type sender(4) receiver(4) ephemeral(32) empty(16) mac1(16) mac2(16)
//   cookie      64   type receiver(4) nonce(24) cookie(32)
//   data      >=32   type receiver(4) counter(8) ciphertext, tag(16)
namespace warren::wireguard {

enum class MessageType : std::uint32_t {
  Initiation = 1,
  Response = 2,
  CookieReply = 3,
  Data = 4,
};

inline constexpr std::size_t kInitiationSize = 148;
inline constexpr std::size_t kResponseSize = 92;
inline constexpr std::size_t kCookieReplySize = 64;
inline constexpr std::size_t kDataHeaderSize = 16;
inline constexpr std::size_t kTagSize = 16;
inline constexpr std::size_t kDataOverhead = kDataHeaderSize + kTagSize;
inline constexpr std::size_t kMinMessageSize = kDataOverhead;  // a keepalive
inline constexpr std::size_t kPaddingMultiple = 16;            // paths section 1.2
inline constexpr std::size_t kMacSize = 16;

struct Initiation {
  std::uint32_t sender = 0;
  std::array<std::uint8_t, 32> ephemeral{};
  std::array<std::uint8_t, 48> encrypted_static{};
  std::array<std::uint8_t, 28> encrypted_timestamp{};
  std::array<std::uint8_t, kMacSize> mac1{};
  std::array<std::uint8_t, kMacSize> mac2{};

  bool operator==(const Initiation&) const = default;
};

struct Response {
  std::uint32_t sender = 0;
  std::uint32_t receiver = 0;
  std::array<std::uint8_t, 32> ephemeral{};
  std::array<std::uint8_t, 16> encrypted_empty{};
  std::array<std::uint8_t, kMacSize> mac1{};
  std::array<std::uint8_t, kMacSize> mac2{};

  bool operator==(const Response&) const = default;
};

struct CookieReply {
  std::uint32_t receiver = 0;
  std::array<std::uint8_t, 24> nonce{};
  std::array<std::uint8_t, 32> encrypted_cookie{};

  bool operator==(const CookieReply&) const = default;
};

// The header of a data message; the ciphertext with its tag follows.
struct DataHeader {
  std::uint32_t receiver = 0;
  std::uint64_t counter = 0;

  bool operator==(const DataHeader&) const = default;
};

// What a datagram claims to be, by its first four bytes and its length. Handshake messages have
// exact lengths.
Result<MessageType, DecodeError> classify(ByteView datagram);

Result<Initiation, DecodeError> decode_initiation(ByteView datagram);
Result<Response, DecodeError> decode_response(ByteView datagram);
Result<CookieReply, DecodeError> decode_cookie_reply(ByteView datagram);
Result<DataHeader, DecodeError> decode_data_header(ByteView datagram);

std::array<std::uint8_t, kInitiationSize> encode(const Initiation& message);
std::array<std::uint8_t, kResponseSize> encode(const Response& message);
std::array<std::uint8_t, kCookieReplySize> encode(const CookieReply& message);

// `out` holds at least kDataHeaderSize bytes.
void encode_data_header(MutableByteView out, const DataHeader& header);

// The parts of an encoded initiation or response that its MACs cover (paths section 1.4).
ByteView covered_by_mac1(ByteView message);
ByteView covered_by_mac2(ByteView message);

// Plaintext size after padding: a multiple of 16, but never past the device's MTU (a larger packet
// is not padded).
std::size_t padded_size(std::size_t packet_size, std::size_t mtu);

}  // namespace warren::wireguard
