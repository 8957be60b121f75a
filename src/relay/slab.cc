#include "relay/slab.h"

#include "base/result.h"

namespace warren::relay {

SlabPool::SlabPool(const Limits& limits) : limits_(limits) {}

Slab* SlabPool::acquire(Slab::List& owner) {
  if (owner.size() >= limits_.slabs_per_source && !take_back(owner)) return nullptr;
  if (free_.empty()) {
    if (allocated_ < limits_.slabs) {
      Slab& slab = free_.emplace_front();
      slab.owner = &free_;
      slab.self = free_.begin();
      ++allocated_;
    } else if (!take_back(owner) && !take_back(detached_)) {
      return nullptr;
    }
  }
  Slab& slab = free_.front();  // the one used last: its memory is near
  move(slab, owner);
  slab.references = 1;
  slab.is_receiving = true;
  slab.is_idle = false;
  return &slab;
}

void SlabPool::finish(Slab& slab) {
  slab.is_receiving = slab.is_idle = false;
  drop_reference(slab);
}

void SlabPool::set_idle(Slab& slab) {
  if (slab.references == 1) {
    finish(slab);
  } else {
    slab.is_idle = true;
  }
}

PacketRef SlabPool::refer(Slab& slab, std::size_t offset, std::size_t size) {
  ++slab.references;
  return {.slab = &slab,
          .generation = slab.generation,
          .offset = static_cast<std::uint32_t>(offset),
          .size = static_cast<std::uint32_t>(size)};
}

void SlabPool::release(const PacketRef& packet) {
  if (!packet.is_lost()) drop_reference(*packet.slab);
}

void SlabPool::detach(Slab::List& owner) {
  while (!owner.empty()) move(owner.front(), detached_);
  while (detached_.size() > limits_.slabs_detached && take_back(detached_)) {
  }
}

bool SlabPool::take_back(Slab::List& from) {
  for (Slab& slab : from) {
    if (slab.is_receiving) continue;
    slab.references = 1;
    drop_reference(slab);
    return true;
  }
  return false;
}

void SlabPool::drop_reference(Slab& slab) {
  WARREN_CHECK(slab.references > 0);
  --slab.references;
  if (slab.references > (slab.is_idle ? 1U : 0U)) return;
  slab.references = 0;
  slab.is_receiving = slab.is_idle = false;
  ++slab.generation;
  free_.splice(free_.begin(), *slab.owner, slab.self);
  slab.owner = &free_;
}

void SlabPool::move(Slab& slab, Slab::List& to) {
  to.splice(to.end(), *slab.owner, slab.self);
  slab.owner = &to;
}

}  // namespace warren::relay
