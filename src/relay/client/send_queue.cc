#include "relay/client/send_queue.h"

#include <algorithm>
#include <cstring>

namespace warren::relay::client {

bool SendQueue::write(ByteView bytes) {
  if (written_.size() + bytes.size() > kMaxWritten) return false;
  written_.insert(written_.end(), bytes.begin(), bytes.end());
  return true;
}

std::size_t SendQueue::push(Urgency urgency, const NodePublicKey& peer, ByteView datagram) {
  return (urgency == Urgency::Urgent ? urgent_ : data_).push(peer, datagram);
}

std::size_t SendQueue::fill(MutableByteView out, Packets packets) {
  std::size_t filled = take_begun(out);
  if (filled == out.size()) return filled;
  const std::size_t count = std::min(written_.size(), out.size() - filled);
  std::copy_n(written_.begin(), count, out.begin() + static_cast<std::ptrdiff_t>(filled));
  written_.erase(written_.begin(), written_.begin() + static_cast<std::ptrdiff_t>(count));
  filled += count;
  if (packets == Packets::Hold || !written_.empty()) return filled;
  for (FrameQueue* const queue : {&urgent_, &data_}) {
    while (const auto frame = queue->front()) {
      const MutableByteView room = out.subspan(filled);
      if (frame->size() <= room.size()) {
        std::memcpy(room.data(), frame->data(), frame->size());
        filled += frame->size();
        queue->pop();
        continue;
      }
      if (frame->size() <= out.size()) return filled;
      // Larger than any record: it goes in several, and nothing may come between them.
      begun_.assign(frame->begin(), frame->end());
      queue->pop();
      return filled + take_begun(room);
    }
  }
  return filled;
}

std::size_t SendQueue::take_begun(MutableByteView out) {
  const std::size_t count = std::min(begun_.size() - begun_sent_, out.size());
  if (count == 0) return 0;
  std::memcpy(out.data(), begun_.data() + begun_sent_, count);
  begun_sent_ += count;
  if (begun_sent_ == begun_.size()) on_frame_sent();
  return count;
}

void SendQueue::on_connection_closed() {
  written_.clear();
  on_frame_sent();
}

void SendQueue::on_frame_sent() {
  begun_.clear();
  begun_sent_ = 0;
}

}  // namespace warren::relay::client
