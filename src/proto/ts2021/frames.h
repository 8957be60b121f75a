#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "crypto/noise_ik.h"

// The frames of the control protocol's transport (spec: control sections 2.3, 2.5, 2.6):
//
//   initiation  C to S  version(2) type(1) length(2) noise(96)   in the upgrade request's head
//   response    S to C  type(1) length(2) noise(48)
//   error       S to C  type(1) length(2) text                   not authentic; then it closes
//   record      both    type(1) length(2) ciphertext with its tag
//
// Numbers are big-endian; a length counts what follows it.
namespace warren::ts2021 {

enum class FrameType : std::uint8_t {
  Initiation = 0x01,
  Response = 0x02,
  Error = 0x03,
  Record = 0x04,
};

inline constexpr std::size_t kFrameHeaderSize = 3;
inline constexpr std::size_t kInitiationHeaderSize = 2 + kFrameHeaderSize;
inline constexpr std::size_t kInitiationSize = kInitiationHeaderSize + kNoiseInitiationSize;
inline constexpr std::size_t kResponseSize = kFrameHeaderSize + kNoiseResponseSize;
inline constexpr std::size_t kMaxFrameSize = 4096;  // with its header

// The HTTP/1.1 request that a connection begins with, and what both sides name in Upgrade.
inline constexpr std::string_view kUpgradePath = "/ts2021";
inline constexpr std::string_view kUpgradeProtocol = "tailscale-control-protocol";
// The initiation in padded base64.
inline constexpr std::string_view kHandshakeField = "X-Tailscale-Handshake";

}  // namespace warren::ts2021
