#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ip_address.h"
#include "base/result.h"
#include "crypto/keys.h"

// What is inside a disco frame's box (spec: paths section 4.2). Numbers are big-endian; an address
// is 16 bytes (IPv4 as ::ffff:a.b.c.d) and a port.
//
//   every message   type(1) version(1)=0 body
//   ping            transaction(12) sender's node key(32) zero padding
//   pong            transaction(12) address(18): where the ping came from
//   call-me-maybe   address(18) ...
//
// Trailing bytes of ping and pong are tolerated, unknown types are not ours to read.
namespace warren::disco {

enum class MessageType : std::uint8_t {
  Ping = 0x01,
  Pong = 0x02,
  CallMeMaybe = 0x03,
  BindUdpRelay = 0x04,
  BindUdpRelayChallenge = 0x05,
  BindUdpRelayAnswer = 0x06,
  CallMeMaybeVia = 0x07,
  AllocateUdpRelayRequest = 0x08,
  AllocateUdpRelayResponse = 0x09,
};

inline constexpr std::size_t kAddressSize = 18;
inline constexpr std::size_t kPingSize = 46;  // unpadded, with a node key
inline constexpr std::size_t kPongSize = 32;

using TransactionId = std::array<std::uint8_t, 12>;

struct Ping {
  TransactionId transaction{};
  std::optional<NodePublicKey> node_key;  // clients up to 1.16 send none
  std::size_t padding = 0;                // bytes behind the body

  bool operator==(const Ping&) const = default;
};

struct Pong {
  TransactionId transaction{};
  Endpoint source;  // of the ping, as the responder saw it

  bool operator==(const Pong&) const = default;
};

// Addresses, borrowed from the payload. A malformed message is an empty list (spec: paths
// section 4.2).
class CallMeMaybe {
 public:
  CallMeMaybe() = default;

  explicit CallMeMaybe(ByteView addresses) : addresses_(addresses) {}

  std::size_t size() const { return addresses_.size() / kAddressSize; }

  Endpoint at(std::size_t index) const;

 private:
  ByteView addresses_;
};

using Message = std::variant<Ping, Pong, CallMeMaybe>;

// NotThisMessage: a type that we do not speak, to be ignored.
Result<Message, DecodeError> decode_message(ByteView payload);

// Each returns the payload of a frame.
std::vector<std::uint8_t> encode(const Ping& message);
std::vector<std::uint8_t> encode(const Pong& message);
std::vector<std::uint8_t> encode_call_me_maybe(std::span<const Endpoint> endpoints);

}  // namespace warren::disco
