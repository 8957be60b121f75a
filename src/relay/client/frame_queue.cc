#include "relay/client/frame_queue.h"

#include <cstring>

#include "proto/relay/frames.h"

namespace warren::relay::client {

std::size_t FrameQueue::push(const NodePublicKey& peer, ByteView datagram) {
  const std::size_t size = kPacketFrameOverhead + datagram.size();
  if (size > limit_ || datagram.size() > kMaxPacketSize) return 1;
  std::size_t dropped = 0;
  while (bytes() + size > limit_) {
    pop();
    ++dropped;
  }
  make_room_behind(size);
  encode_packet({bytes_.get() + end_, size}, FrameType::SendPacket, peer, datagram);
  end_ += size;
  return dropped;
}

std::optional<ByteView> FrameQueue::front() const {
  if (empty()) return std::nullopt;
  const ByteView waiting(bytes_.get() + begin_, bytes());
  return waiting.first(kFrameHeaderSize + decode_frame_header(waiting).size);
}

void FrameQueue::pop() {
  if (const auto frame = front()) begin_ += frame->size();
}

std::size_t FrameQueue::clear() {
  std::size_t dropped = 0;
  for (; !empty(); ++dropped) pop();
  bytes_.reset();
  begin_ = 0;
  end_ = 0;
  return dropped;
}

void FrameQueue::make_room_behind(std::size_t size) {
  if (bytes_ == nullptr) bytes_ = std::make_unique_for_overwrite<std::uint8_t[]>(2 * limit_);
  if (!empty() && end_ + size <= 2 * limit_) return;
  std::memmove(bytes_.get(), bytes_.get() + begin_, bytes());
  end_ -= begin_;
  begin_ = 0;
}

}  // namespace warren::relay::client
