#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "base/ip_address.h"
#include "base/result.h"

// The two STUN messages (RFC 8489) by which a node learns the address that others see it under
// (spec: paths section 3.1).
//
//   request, exactly 40 bytes   type length cookie transaction(12) SOFTWARE "tailnode" FINGERPRINT
//   success, 32 or 44 bytes     type length cookie transaction(12) XOR-MAPPED-ADDRESS
//
// The request is exact so that a responder cannot be used to amplify: its answer is at most four
// bytes longer.
namespace warren::stun {

inline constexpr std::size_t kBindingRequestSize = 40;
inline constexpr std::size_t kMaxBindingSuccessSize = 44;

using TransactionId = std::array<std::uint8_t, 12>;

struct BindingSuccess {
  TransactionId transaction{};
  Endpoint mapped;  // an IPv4-mapped IPv6 address has become IPv4

  bool operator==(const BindingSuccess&) const = default;
};

// What a datagram on the node's socket claims to be (spec: paths section 0.2, row 1).
bool looks_like_binding_success(ByteView datagram);

std::array<std::uint8_t, kBindingRequestSize> encode_binding_request(
    const TransactionId& transaction);
// Only what encode_binding_request makes: the software name and a right fingerprint at the end.
Result<TransactionId, DecodeError> decode_binding_request(ByteView datagram);

// IPv4 in the 32-byte form, IPv6 in the 44-byte form. `out` holds kMaxBindingSuccessSize bytes;
// returns how many were written.
std::size_t encode_binding_success(MutableByteView out, const BindingSuccess& message);
// Other servers' forms too: unknown attributes, the mistaken 0x8020, MAPPED-ADDRESS as last resort.
Result<BindingSuccess, DecodeError> decode_binding_success(ByteView datagram);

}  // namespace warren::stun
