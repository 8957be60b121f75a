#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/time.h"
#include "relay/slab.h"

namespace warren::relay {

// A packet in a queue.
struct QueuedPacket {
  PacketRef frame;
  TimePoint since;
  QueuedPacket* next = nullptr;

  // What it counts for in a queue's bound: so the bound holds for tiny packets too.
  std::size_t cost() const { return frame.size + sizeof(QueuedPacket); }
};

// The entries of all queues: taken and given back without an allocation each. Bounded by what the
// queues may hold; memory once used is kept.
class QueuedPacketPool {
 public:
  QueuedPacket* take();
  void give_back(QueuedPacket* packet);

 private:
  static constexpr std::size_t kChunk = 512;

  std::vector<std::unique_ptr<QueuedPacket[]>> chunks_;
  QueuedPacket* free_ = nullptr;
};

// Why queued packets were not sent.
struct QueueDrops {
  std::uint64_t overflow = 0;    // the destination's queue was full: the oldest of a source
  std::uint64_t waited = 0;      // too old when their turn came
  std::uint64_t taken_back = 0;  // their memory was needed for newer packets of the same source
  std::uint64_t left = 0;        // the destination went
};

// What waits for one destination: a first-in-first-out queue for each source, served in turns of
// about kQuantum bytes, so that a source that floods delays itself (deficit round robin; Shreedhar
// and Varghese, 1995). When `limit` bytes wait, the oldest packet of a source that has more than an
// equal share gives way to the new one.
class FairQueue {
 public:
  static constexpr std::size_t kQuantum = 4096;  // two or three packets: they merge at the receiver

  // One source's packets. It belongs to at most one queue and is empty when it goes.
  class Flow {
   public:
    Flow() = default;
    Flow(const Flow&) = delete;
    Flow& operator=(const Flow&) = delete;

    bool is_empty() const { return first_ == nullptr; }

   private:
    friend class FairQueue;

    QueuedPacket* first_ = nullptr;
    QueuedPacket* last_ = nullptr;
    std::size_t cost_ = 0;
    std::size_t deficit_ = 0;  // bytes it may still send in this turn
    Flow* next_ = nullptr;     // in the ring of those that wait
    Flow* previous_ = nullptr;
  };

  // All outlive the queue.
  FairQueue(std::size_t limit,
            Duration longest_wait,
            SlabPool& slabs,
            QueuedPacketPool& packets,
            QueueDrops& drops);
  FairQueue(const FairQueue&) = delete;
  FairQueue& operator=(const FairQueue&) = delete;
  ~FairQueue();  // drops what is left

  // Takes over the reference.
  void push(Flow& flow, const PacketRef& frame, TimePoint now);

  // The frame whose turn it is, null when nothing waits. What has waited too long or was taken back
  // is dropped on the way. Valid until pop(), push() or clear().
  const PacketRef* front(TimePoint now);
  // Removes what front() has returned.
  void pop();

  // Drops a flow's packets.
  void clear(Flow& flow);

  bool is_empty() const { return turn_ == nullptr; }

  std::size_t cost() const { return cost_; }

 private:
  void make_room(Flow& flow);
  Flow& over_its_share(Flow& preferred);
  void remove_first(Flow& flow);
  void leave_ring(Flow& flow);

  const std::size_t limit_;
  const Duration longest_wait_;
  SlabPool& slabs_;
  QueuedPacketPool& packets_;
  QueueDrops& drops_;
  std::size_t cost_ = 0;
  std::size_t waiting_flows_ = 0;
  Flow* turn_ = nullptr;
};

}  // namespace warren::relay
