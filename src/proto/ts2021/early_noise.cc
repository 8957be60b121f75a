#include "proto/ts2021/early_noise.h"

#include <algorithm>
#include <string>

#include "crypto/key_text.h"

namespace warren::ts2021 {

std::vector<std::uint8_t> encode_early_noise(const ChallengePublicKey& challenge) {
  const std::string json = R"({"nodeKeyChallenge":")" + to_text(challenge) + R"("})";
  std::vector<std::uint8_t> out(kEarlyNoiseHeaderSize + json.size());
  ByteWriter writer(out);
  writer.bytes(kEarlyNoiseMagic);
  writer.be32(static_cast<std::uint32_t>(json.size()));
  writer.bytes(as_bytes(json));
  return out;
}

Result<void, DecodeError> EarlyNoiseFilter::pass(ByteView text, std::vector<std::uint8_t>& out) {
  if (state_ == State::Header && !take_header(text)) {
    out.insert(out.end(), header_.begin(),
               header_.begin() + static_cast<std::ptrdiff_t>(header_size_));
    header_size_ = 0;
    state_ = State::Http2;
  }
  if (state_ == State::Header && was_present()) {
    to_skip_ = load_be<std::uint32_t>(header_.data() + kEarlyNoiseMagic.size());
    state_ = to_skip_ <= kMaxEarlyNoise ? State::Body : State::Failed;
  }
  if (state_ == State::Body) {
    const auto skipped = std::min<std::size_t>(text.size(), to_skip_);
    text = text.subspan(skipped);
    to_skip_ -= static_cast<std::uint32_t>(skipped);
    if (to_skip_ == 0) state_ = State::Http2;
  }
  if (state_ == State::Failed) return unexpected(DecodeError::BadLength);
  if (state_ == State::Http2) out.insert(out.end(), text.begin(), text.end());
  return {};
}

// False when the header turns out to be none; what it held then belongs to HTTP/2.
bool EarlyNoiseFilter::take_header(ByteView& text) {
  while (!text.empty() && header_size_ < kEarlyNoiseHeaderSize) {
    const std::size_t at = header_size_;
    if (at < kEarlyNoiseMagic.size() && text.front() != kEarlyNoiseMagic[at]) return false;
    header_[header_size_++] = text.front();
    text = text.subspan(1);
  }
  return true;
}

}  // namespace warren::ts2021
