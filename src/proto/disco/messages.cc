#include "proto/disco/messages.h"

#include <utility>

namespace warren::disco {

namespace {

constexpr std::uint8_t kVersion = 0;  // spec: paths section 4.1
constexpr std::size_t kHeaderSize = 2;
constexpr std::array<std::uint8_t, 12> kMappedPrefix = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};  // RFC 4291 section 2.5.5.2

Endpoint read_endpoint(ByteReader& in) {
  const IpAddress address = IpAddress::v6(in.array<16>());
  const std::uint16_t port = in.be16();
  return {.address = address.unmapped().value_or(address), .port = port};
}

void write_endpoint(ByteWriter& out, const Endpoint& endpoint) {
  if (endpoint.address.is_v4()) out.bytes(kMappedPrefix);
  out.bytes(endpoint.address.bytes());
  out.be16(endpoint.port);
}

void write_header(ByteWriter& out, MessageType type) {
  out.u8(std::to_underlying(type));
  out.u8(kVersion);
}

// Of any version: a later one only grows (spec: paths section 4.1).
Result<Message, DecodeError> decode_ping(ByteReader in) {
  Ping out;
  out.transaction = in.array<12>();
  if (!in.ok()) return unexpected(DecodeError::Truncated);
  if (in.remaining() >= kKeySize) out.node_key = NodePublicKey(in.array<kKeySize>());
  out.padding = in.remaining();
  return out;
}

Result<Message, DecodeError> decode_pong(ByteReader in) {
  Pong out;
  out.transaction = in.array<12>();
  out.source = read_endpoint(in);
  if (!in.ok()) return unexpected(DecodeError::Truncated);
  return out;
}

}  // namespace

Endpoint CallMeMaybe::at(std::size_t index) const {
  WARREN_CHECK(index < size());
  ByteReader in(addresses_.subspan(index * kAddressSize, kAddressSize));
  return read_endpoint(in);
}

Result<Message, DecodeError> decode_message(ByteView payload) {
  ByteReader in(payload);
  const std::uint8_t type = in.u8();
  const std::uint8_t version = in.u8();
  if (!in.ok()) return unexpected(DecodeError::Truncated);
  switch (type) {
    case std::to_underlying(MessageType::Ping):
      return decode_ping(in);
    case std::to_underlying(MessageType::Pong):
      return decode_pong(in);
    case std::to_underlying(MessageType::CallMeMaybe):
      if (version != kVersion || in.remaining() % kAddressSize != 0) return CallMeMaybe();
      return CallMeMaybe(in.rest());
    default:
      return unexpected(DecodeError::NotThisMessage);
  }
}

std::vector<std::uint8_t> encode(const Ping& message) {
  const std::size_t key_size = message.node_key ? kKeySize : 0;
  std::vector<std::uint8_t> bytes(kHeaderSize + message.transaction.size() + key_size +
                                  message.padding);
  ByteWriter out(bytes);
  write_header(out, MessageType::Ping);
  out.bytes(message.transaction);
  if (message.node_key) out.bytes(message.node_key->bytes());
  return bytes;
}

std::vector<std::uint8_t> encode(const Pong& message) {
  std::vector<std::uint8_t> bytes(kPongSize);
  ByteWriter out(bytes);
  write_header(out, MessageType::Pong);
  out.bytes(message.transaction);
  write_endpoint(out, message.source);
  return bytes;
}

std::vector<std::uint8_t> encode_call_me_maybe(std::span<const Endpoint> endpoints) {
  std::vector<std::uint8_t> bytes(kHeaderSize + endpoints.size() * kAddressSize);
  ByteWriter out(bytes);
  write_header(out, MessageType::CallMeMaybe);
  for (const Endpoint& endpoint : endpoints) write_endpoint(out, endpoint);
  return bytes;
}

}  // namespace warren::disco
