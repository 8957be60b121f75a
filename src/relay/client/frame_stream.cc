#include "relay/client/frame_stream.h"

#include <algorithm>
#include <cstring>

#include "relay/client/constants.h"

namespace warren::relay::client {

namespace {

// A frame up to this size always fits beside a record's worth of space.
constexpr std::size_t kLargestKept = kPacketFrameOverhead + kMaxPacketSize;
static_assert(kLargestKept + kMaxRecord <= FrameStream::kCapacity);

}  // namespace

FrameStream::FrameStream() : bytes_(std::make_unique_for_overwrite<std::uint8_t[]>(kCapacity)) {}

MutableByteView FrameStream::space() {
  if (read_ == written_) {
    read_ = 0;
    written_ = 0;
  } else if (kCapacity - written_ < kMaxRecord) {
    std::memmove(bytes_.get(), bytes_.get() + read_, written_ - read_);
    written_ -= read_;
    read_ = 0;
  }
  return {bytes_.get() + written_, kCapacity - written_};
}

void FrameStream::commit(std::size_t size) {
  written_ += size;
}

std::optional<Frame> FrameStream::next() {
  while (!failed_) {
    const std::size_t skip = std::min(to_skip_, written_ - read_);
    to_skip_ -= skip;
    read_ += skip;
    const ByteView rest = peek();
    if (to_skip_ > 0 || rest.size() < kFrameHeaderSize) return std::nullopt;
    const FrameHeader header = decode_frame_header(rest);
    if (header.size > kMaxClientFrame) {
      failed_ = true;
      return std::nullopt;
    }
    const std::size_t size = kFrameHeaderSize + header.size;
    if (size > kLargestKept) {
      ++skipped_;
      to_skip_ = size;
      continue;
    }
    if (rest.size() < size) return std::nullopt;
    read_ += size;
    return Frame{.type = header.type, .payload = rest.subspan(kFrameHeaderSize, header.size)};
  }
  return std::nullopt;
}

ByteView FrameStream::peek() const {
  return {bytes_.get() + read_, written_ - read_};
}

void FrameStream::consume(std::size_t size) {
  read_ += size;
}

}  // namespace warren::relay::client
