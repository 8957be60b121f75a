#include "proto/wireguard/messages.h"

#include <algorithm>
#include <utility>

namespace warren::wireguard {

namespace {

// A reader behind the type field, or why the datagram is not this message.
Result<ByteReader, DecodeError> open_message(ByteView datagram,
                                             MessageType type,
                                             std::size_t size) {
  ByteReader in(datagram);
  const std::uint32_t actual = in.le32();
  if (!in.ok()) return unexpected(DecodeError::Truncated);
  if (actual != std::to_underlying(type)) return unexpected(DecodeError::NotThisMessage);
  if (datagram.size() != size) return unexpected(DecodeError::BadLength);
  return in;
}

}  // namespace

Result<MessageType, DecodeError> classify(ByteView datagram) {
  if (datagram.size() < kMinMessageSize) return unexpected(DecodeError::Truncated);
  std::size_t size = 0;
  const auto type = static_cast<MessageType>(load_le<std::uint32_t>(datagram.data()));
  switch (type) {
    case MessageType::Data:
      return type;
    case MessageType::Initiation:
      size = kInitiationSize;
      break;
    case MessageType::Response:
      size = kResponseSize;
      break;
    case MessageType::CookieReply:
      size = kCookieReplySize;
      break;
    default:
      return unexpected(DecodeError::NotThisMessage);
  }
  if (datagram.size() != size) return unexpected(DecodeError::BadLength);
  return type;
}

Result<Initiation, DecodeError> decode_initiation(ByteView datagram) {
  WARREN_TRY(ByteReader in, open_message(datagram, MessageType::Initiation, kInitiationSize));
  Initiation out;
  out.sender = in.le32();
  out.ephemeral = in.array<32>();
  out.encrypted_static = in.array<48>();
  out.encrypted_timestamp = in.array<28>();
  out.mac1 = in.array<kMacSize>();
  out.mac2 = in.array<kMacSize>();
  return out;
}

Result<Response, DecodeError> decode_response(ByteView datagram) {
  WARREN_TRY(ByteReader in, open_message(datagram, MessageType::Response, kResponseSize));
  Response out;
  out.sender = in.le32();
  out.receiver = in.le32();
  out.ephemeral = in.array<32>();
  out.encrypted_empty = in.array<16>();
  out.mac1 = in.array<kMacSize>();
  out.mac2 = in.array<kMacSize>();
  return out;
}

Result<CookieReply, DecodeError> decode_cookie_reply(ByteView datagram) {
  WARREN_TRY(ByteReader in, open_message(datagram, MessageType::CookieReply, kCookieReplySize));
  CookieReply out;
  out.receiver = in.le32();
  out.nonce = in.array<24>();
  out.encrypted_cookie = in.array<32>();
  return out;
}

Result<DataHeader, DecodeError> decode_data_header(ByteView datagram) {
  if (datagram.size() < kMinMessageSize) return unexpected(DecodeError::Truncated);
  ByteReader in(datagram);
  if (in.le32() != std::to_underlying(MessageType::Data)) {
    return unexpected(DecodeError::NotThisMessage);
  }
  DataHeader out;
  out.receiver = in.le32();
  out.counter = in.le64();
  return out;
}

std::array<std::uint8_t, kInitiationSize> encode(const Initiation& message) {
  std::array<std::uint8_t, kInitiationSize> bytes{};
  ByteWriter out(bytes);
  out.le32(std::to_underlying(MessageType::Initiation));
  out.le32(message.sender);
  out.bytes(message.ephemeral);
  out.bytes(message.encrypted_static);
  out.bytes(message.encrypted_timestamp);
  out.bytes(message.mac1);
  out.bytes(message.mac2);
  return bytes;
}

std::array<std::uint8_t, kResponseSize> encode(const Response& message) {
  std::array<std::uint8_t, kResponseSize> bytes{};
  ByteWriter out(bytes);
  out.le32(std::to_underlying(MessageType::Response));
  out.le32(message.sender);
  out.le32(message.receiver);
  out.bytes(message.ephemeral);
  out.bytes(message.encrypted_empty);
  out.bytes(message.mac1);
  out.bytes(message.mac2);
  return bytes;
}

std::array<std::uint8_t, kCookieReplySize> encode(const CookieReply& message) {
  std::array<std::uint8_t, kCookieReplySize> bytes{};
  ByteWriter out(bytes);
  out.le32(std::to_underlying(MessageType::CookieReply));
  out.le32(message.receiver);
  out.bytes(message.nonce);
  out.bytes(message.encrypted_cookie);
  return bytes;
}

void encode_data_header(MutableByteView out, const DataHeader& header) {
  ByteWriter writer(out);
  writer.le32(std::to_underlying(MessageType::Data));
  writer.le32(header.receiver);
  writer.le64(header.counter);
}

ByteView covered_by_mac1(ByteView message) {
  return message.first(message.size() - 2 * kMacSize);
}

ByteView covered_by_mac2(ByteView message) {
  return message.first(message.size() - kMacSize);
}

std::size_t padded_size(std::size_t packet_size, std::size_t mtu) {
  if (packet_size >= mtu) return packet_size;
  const std::size_t padded =
      (packet_size + kPaddingMultiple - 1) / kPaddingMultiple * kPaddingMultiple;
  return std::min(padded, mtu);
}

}  // namespace warren::wireguard
