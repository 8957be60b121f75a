#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "base/bytes.h"
#include "base/time.h"
#include "wg/data_peer.h"

namespace warren::tunnel {

// Packets that wait for a key, as they were read from the TUN, unsplit (spec: data-plane
// section 5.6). Per peer at most kMaxItems and kMaxBytes, oldest dropped first; all peers share one
// pool of kPoolBytes. The pool is mapped once and its pages are given back to the system when it
// runs empty, so it costs memory only while a handshake is under way. One thread; never allocates
// after construction.
class Staging {
 public:
  static constexpr std::size_t kMaxItems = 128;
  static constexpr std::size_t kMaxBytes = std::size_t{128} * 1024;
  static constexpr std::size_t kPoolBytes = std::size_t{16} * 1024 * 1024;
  static constexpr std::size_t kMaxPeers = 1024;  // with something staged at the same time

  static constexpr std::size_t kHeaderSize = 10;  // the virtio header travels with the packet

  // A handshake is asked for with a peer's first packet, and again while packets keep coming: the
  // engine spaces them.
  static constexpr Duration kAskAgain = 1s;

  Staging();
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  struct Added {
    bool ask = false;           // tell the engine that this peer wants a key
    std::uint32_t dropped = 0;  // items lost: older ones of this peer, or this one
  };

  Added add(wg::PeerId peer,
            std::span<const std::uint8_t, kHeaderSize> header,
            ByteView packet,
            TimePoint now);

  std::size_t count(wg::PeerId peer) const;

  // The oldest item of the peer, copied out and forgotten: its size. There must be one; `packet`
  // holds 65,535 bytes.
  std::size_t take(wg::PeerId peer,
                   std::span<std::uint8_t, kHeaderSize> header,
                   MutableByteView packet);

  // Forgets all of a peer; how many items that were.
  std::size_t drop(wg::PeerId peer);

 private:
  // A packet is a chain of blocks: 2 KiB holds a single packet, 32 of them a super-packet.
  static constexpr std::size_t kBlockSize = 2048;
  static constexpr std::size_t kBlocks = kPoolBytes / kBlockSize;
  static constexpr std::uint32_t kNone = UINT32_MAX;

  struct Block {  // bookkeeping apart from the bytes: free blocks touch no page of the pool
    std::uint32_t next = kNone;       // in the chain of one packet, or in the free list
    std::uint32_t next_item = kNone;  // of an item's first block: the next packet of the peer
    std::uint32_t size = 0;           // of an item's first block: the packet's
    std::array<std::uint8_t, kHeaderSize> header{};
  };

  struct Queue {
    wg::PeerId peer;
    std::uint32_t head = kNone;
    std::uint32_t tail = kNone;
    std::uint32_t items = 0;  // 0: this entry is free
    std::size_t bytes = 0;
    TimePoint asked;
  };

  const Queue* find(wg::PeerId peer) const;
  Queue* find(wg::PeerId peer);
  Queue* find_or_add(wg::PeerId peer);
  void drop_oldest(Queue& queue);
  void release_chain(std::uint32_t first);
  void release_if_empty();

  std::uint8_t* block_bytes(std::uint32_t block) const {
    return pool_ + std::size_t{block} * kBlockSize;
  }

  std::uint8_t* pool_;
  std::uint32_t free_head_ = kNone;  // released blocks
  std::uint32_t fresh_ = 0;  // blocks from here on were not used since the pool was last empty
  std::uint32_t free_blocks_ = kBlocks;
  std::uint32_t queues_used_ = 0;
  std::unique_ptr<std::array<Block, kBlocks>> blocks_;
  std::array<Queue, kMaxPeers> queues_{};
};

}  // namespace warren::tunnel
