#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "proto/relay/region.h"

namespace warren::io {

// A bounded queue of datagrams with the peer and region they go to or come from, from one thread to
// one other, without locks: between a packet worker and the relay client. A record lies in one
// piece, so the consumer may decrypt it in place. A full ring refuses: the producer counts the
// drop.
class DatagramRing {
 public:
  struct Entry {
    relay::Route route;        // destination or source
    MutableByteView datagram;  // in the ring; valid until release()
  };

  // A power of two.
  explicit DatagramRing(std::size_t bytes);

  // --- producer
  // False when there is no room, or the datagram is larger than relay::kMaxPacketSize. One that
  // takes more than half of the ring may find no room in an empty one.
  bool push(const relay::Route& route, ByteView datagram);

  // --- consumer
  // The next record, none when there is no more. Records stay valid until release().
  std::optional<Entry> next();
  // Gives back the room of all that next() has returned.
  void release();

  // --- either
  std::size_t used() const;  // bytes, with headers

  std::size_t capacity() const { return capacity_; }

 private:
  std::size_t capacity_;
  std::unique_ptr<std::uint8_t[]> bytes_;
  // Counts of bytes that never go back. A side looks at the other's only when what it last saw of
  // it does not suffice: so their cache lines stay apart.
  alignas(64) std::atomic<std::size_t> head_ = 0;  // consumer: given back up to here
  alignas(64) std::size_t read_ = 0;               // consumer: behind what next() returned
  std::size_t seen_tail_ = 0;                      // consumer
  alignas(64) std::atomic<std::size_t> tail_ = 0;  // producer: written up to here
  alignas(64) std::size_t seen_head_ = 0;          // producer
};

}  // namespace warren::io
