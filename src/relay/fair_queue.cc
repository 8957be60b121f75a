#include "relay/fair_queue.h"

#include "base/result.h"

namespace warren::relay {

QueuedPacket* QueuedPacketPool::take() {
  if (free_ == nullptr) {
    QueuedPacket* const chunk =
        chunks_.emplace_back(std::make_unique<QueuedPacket[]>(kChunk)).get();
    for (std::size_t i = 0; i < kChunk; ++i) give_back(&chunk[i]);
  }
  QueuedPacket* const packet = free_;
  free_ = packet->next;
  packet->next = nullptr;
  return packet;
}

void QueuedPacketPool::give_back(QueuedPacket* packet) {
  packet->next = free_;
  free_ = packet;
}

FairQueue::FairQueue(std::size_t limit,
                     Duration longest_wait,
                     SlabPool& slabs,
                     QueuedPacketPool& packets,
                     QueueDrops& drops)
    : limit_(limit), longest_wait_(longest_wait), slabs_(slabs), packets_(packets), drops_(drops) {}

FairQueue::~FairQueue() {
  while (turn_ != nullptr) clear(*turn_);
}

void FairQueue::push(Flow& flow, const PacketRef& frame, TimePoint now) {
  QueuedPacket* const packet = packets_.take();
  packet->frame = frame;
  packet->since = now;
  const std::size_t cost = packet->cost();
  // Counted first, so that a source is measured with what it wants to add.
  cost_ += cost;
  flow.cost_ += cost;
  if (flow.is_empty()) {
    flow.first_ = flow.last_ = packet;
    flow.deficit_ = kQuantum;
    if (turn_ == nullptr) {
      flow.next_ = flow.previous_ = turn_ = &flow;
    } else {  // last in the ring: its turn comes after everyone else's
      flow.next_ = turn_;
      flow.previous_ = turn_->previous_;
      flow.previous_->next_ = &flow;
      turn_->previous_ = &flow;
    }
    ++waiting_flows_;
  } else {
    flow.last_->next = packet;
    flow.last_ = packet;
  }
  while (cost_ > limit_) make_room(flow);
}

void FairQueue::make_room(Flow& flow) {
  ++drops_.overflow;
  remove_first(over_its_share(flow));
}

// The pushing flow when it has its share; otherwise another has more than that.
FairQueue::Flow& FairQueue::over_its_share(Flow& preferred) {
  const std::size_t share = limit_ / waiting_flows_;
  if (preferred.cost_ > share) return preferred;
  Flow* flow = turn_;
  while (flow->cost_ <= share) {
    flow = flow->next_;
    WARREN_CHECK(flow != turn_);  // the sum is over the limit, so one is over its share
  }
  return *flow;
}

const PacketRef* FairQueue::front(TimePoint now) {
  while (turn_ != nullptr) {
    Flow& flow = *turn_;
    const QueuedPacket& packet = *flow.first_;
    if (packet.frame.is_lost()) {
      ++drops_.taken_back;
      remove_first(flow);
    } else if (now - packet.since > longest_wait_) {
      ++drops_.waited;
      remove_first(flow);
    } else if (packet.frame.size > flow.deficit_ && flow.next_ != &flow) {
      flow.deficit_ += kQuantum;
      turn_ = flow.next_;
    } else {
      return &packet.frame;
    }
  }
  return nullptr;
}

void FairQueue::pop() {
  Flow& flow = *turn_;
  const std::size_t size = flow.first_->frame.size;
  flow.deficit_ = flow.deficit_ > size ? flow.deficit_ - size : 0;
  remove_first(flow);
}

void FairQueue::clear(Flow& flow) {
  while (!flow.is_empty()) {
    ++drops_.left;
    remove_first(flow);
  }
}

void FairQueue::remove_first(Flow& flow) {
  QueuedPacket* const packet = flow.first_;
  const std::size_t cost = packet->cost();
  flow.cost_ -= cost;
  cost_ -= cost;
  flow.first_ = packet->next;
  slabs_.release(packet->frame);
  packets_.give_back(packet);
  if (flow.is_empty()) leave_ring(flow);
}

void FairQueue::leave_ring(Flow& flow) {
  flow.last_ = nullptr;
  flow.previous_->next_ = flow.next_;
  flow.next_->previous_ = flow.previous_;
  if (turn_ == &flow) turn_ = flow.next_ == &flow ? nullptr : flow.next_;
  flow.next_ = flow.previous_ = nullptr;
  --waiting_flows_;
}

}  // namespace warren::relay
