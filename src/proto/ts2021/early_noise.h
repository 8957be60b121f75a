#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/keys.h"

// What a server may say before HTTP/2 begins (spec: control section 2.8):
//
//   ff ff ff 'T' 'S'  length(4, big-endian)  {"nodeKeyChallenge":"chalpub:…"}
//
// It cannot be mistaken for HTTP/2: read as a frame header it would be 16 MiB long.
namespace warren::ts2021 {

inline constexpr std::array<std::uint8_t, 5> kEarlyNoiseMagic = {0xff, 0xff, 0xff, 'T', 'S'};
inline constexpr std::size_t kEarlyNoiseHeaderSize = kEarlyNoiseMagic.size() + 4;
// What stock clients accept; here it is skipped, not held.
inline constexpr std::uint32_t kMaxEarlyNoise = 10 << 20;

std::vector<std::uint8_t> encode_early_noise(const ChallengePublicKey& challenge);

// Takes an EarlyNoise, if there is one, from the front of what a server says. Nothing in use
// answers the challenge, so it is not kept.
class EarlyNoiseFilter {
 public:
  // Appends to `out` what of `text`, the next bytes cut anywhere, belongs to HTTP/2. The first
  // error is for good.
  [[nodiscard]] Result<void, DecodeError> pass(ByteView text, std::vector<std::uint8_t>& out);

  // An EarlyNoise was seen, as far as is known.
  bool was_present() const { return header_size_ == kEarlyNoiseHeaderSize; }

 private:
  bool take_header(ByteView& text);

  std::array<std::uint8_t, kEarlyNoiseHeaderSize> header_{};
  std::size_t header_size_ = 0;
  std::uint32_t to_skip_ = 0;
  enum class State : std::uint8_t { Header, Body, Http2, Failed } state_ = State::Header;
};

}  // namespace warren::ts2021
