#include "tunnel/staging.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <sys/mman.h>

#include "base/result.h"

namespace warren::tunnel {

Staging::Staging() : blocks_(std::make_unique_for_overwrite<std::array<Block, kBlocks>>()) {
  void* const pool = mmap(nullptr, kPoolBytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  WARREN_CHECK(pool != MAP_FAILED);
  pool_ = static_cast<std::uint8_t*>(pool);
}

Staging::~Staging() {
  munmap(pool_, kPoolBytes);
}

// Few peers wait at once, and only they pay: a scan over the entries in use.
const Staging::Queue* Staging::find(wg::PeerId peer) const {
  std::uint32_t seen = 0;
  for (const Queue& queue : queues_) {
    if (seen == queues_used_) return nullptr;
    if (queue.items == 0) continue;
    if (queue.peer == peer) return &queue;
    ++seen;
  }
  return nullptr;
}

Staging::Queue* Staging::find(wg::PeerId peer) {
  return const_cast<Queue*>(std::as_const(*this).find(peer));
}

std::size_t Staging::count(wg::PeerId peer) const {
  const Queue* const queue = find(peer);
  return queue == nullptr ? 0 : queue->items;
}

Staging::Queue* Staging::find_or_add(wg::PeerId peer) {
  if (Queue* const queue = find(peer)) return queue;
  Queue* const free = std::ranges::find(queues_, 0U, &Queue::items);
  if (free == queues_.end()) return nullptr;
  *free = {};
  free->peer = peer;
  return free;
}

Staging::Added Staging::add(wg::PeerId peer,
                            std::span<const std::uint8_t, kHeaderSize> header,
                            ByteView packet,
                            TimePoint now) {
  Added result;
  const auto needed = static_cast<std::uint32_t>(
      std::max<std::size_t>(1, (packet.size() + kBlockSize - 1) / kBlockSize));
  Queue* const queue = find_or_add(peer);
  if (queue == nullptr || packet.size() > kMaxBytes) {
    result.dropped = 1;
    return result;
  }
  result.ask = queue->items == 0 || now - queue->asked >= kAskAgain;
  if (result.ask) queue->asked = now;
  while (queue->items > 0 && (queue->items >= kMaxItems ||
                              queue->bytes + packet.size() > kMaxBytes || free_blocks_ < needed)) {
    drop_oldest(*queue);
    ++result.dropped;
  }
  if (free_blocks_ < needed) {  // other peers hold the pool
    ++result.dropped;
    return result;
  }

  std::uint32_t first = kNone;
  std::uint32_t last = kNone;
  for (std::size_t offset = 0, i = 0; i < needed; ++i, offset += kBlockSize) {
    std::uint32_t block = free_head_;
    if (block != kNone) {
      free_head_ = (*blocks_)[block].next;
    } else {
      block = fresh_++;
    }
    --free_blocks_;
    (*blocks_)[block].next = kNone;
    if (first == kNone) {
      first = block;
    } else {
      (*blocks_)[last].next = block;
    }
    last = block;
    const std::size_t size = std::min(kBlockSize, packet.size() - offset);
    std::memcpy(block_bytes(block), packet.data() + offset, size);
  }
  Block& head = (*blocks_)[first];
  head.next_item = kNone;
  std::ranges::copy(header, head.header.begin());
  head.size = static_cast<std::uint32_t>(packet.size());

  if (queue->items == 0) {
    ++queues_used_;
    queue->head = first;
  } else {
    (*blocks_)[queue->tail].next_item = first;
  }
  queue->tail = first;
  ++queue->items;
  queue->bytes += packet.size();
  return result;
}

std::size_t Staging::take(wg::PeerId peer,
                          std::span<std::uint8_t, kHeaderSize> header,
                          MutableByteView packet) {
  Queue* const queue = find(peer);
  WARREN_CHECK(queue != nullptr);
  const Block& head = (*blocks_)[queue->head];
  const std::size_t total = head.size;
  std::ranges::copy(head.header, header.begin());
  std::size_t offset = 0;
  for (std::uint32_t block = queue->head; block != kNone; block = (*blocks_)[block].next) {
    const std::size_t size = std::min(kBlockSize, total - offset);
    std::memcpy(packet.data() + offset, block_bytes(block), size);
    offset += size;
  }
  drop_oldest(*queue);
  release_if_empty();
  return total;
}

std::size_t Staging::drop(wg::PeerId peer) {
  Queue* const queue = find(peer);
  if (queue == nullptr) return 0;
  const std::size_t items = queue->items;
  while (queue->items > 0) drop_oldest(*queue);
  release_if_empty();
  return items;
}

void Staging::drop_oldest(Queue& queue) {
  const std::uint32_t first = queue.head;
  queue.head = (*blocks_)[first].next_item;
  if (queue.head == kNone) queue.tail = kNone;
  queue.bytes -= (*blocks_)[first].size;
  if (--queue.items == 0) --queues_used_;
  release_chain(first);
}

void Staging::release_chain(std::uint32_t first) {
  for (std::uint32_t block = first; block != kNone;) {
    const std::uint32_t next = (*blocks_)[block].next;
    (*blocks_)[block].next = free_head_;
    free_head_ = block;
    ++free_blocks_;
    block = next;
  }
}

// Plaintext does not outlive the wait, and an idle tunnel holds no memory for it.
void Staging::release_if_empty() {
  if (queues_used_ > 0) return;
  madvise(pool_, std::size_t{fresh_} * kBlockSize, MADV_DONTNEED);
  free_head_ = kNone;
  fresh_ = 0;
}

}  // namespace warren::tunnel
