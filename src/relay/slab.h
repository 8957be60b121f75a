#pragma once

#include <cstddef>
#include <cstdint>
#include <list>

#include "base/bytes.h"
#include "proto/relay/frames.h"
#include "relay/limits.h"

namespace warren::relay {

// A piece of memory that a connection's bytes are received into, and in which the packets among
// them wait until they are sent: they are not copied in between (spec: data-plane section 6).
struct Slab {
  // Room for the largest frame, and for many packets behind one another.
  static constexpr std::size_t kSize = 68 << 10;
  static_assert(kSize >= kPacketFrameOverhead + kMaxPacketSize);

  using List = std::list<Slab>;

  Slab() {}  // NOLINT(modernize-use-equals-default): leaves `bytes` uninitialised

  std::uint8_t bytes[kSize];
  std::uint32_t references = 0;  // queued packets; one more while it is received into
  std::uint32_t generation = 0;  // a reference made under another one has lost its packet
  bool is_receiving = false;     // never taken back
  bool is_idle = false;          // nothing is received now: returns with the last queued packet
  List* owner = nullptr;         // of a source, of the detached, or of the free
  List::iterator self;
};

// A frame that lies in a slab. It holds one reference.
struct PacketRef {
  Slab* slab = nullptr;
  std::uint32_t generation = 0;
  std::uint32_t offset = 0;
  std::uint32_t size = 0;

  bool is_lost() const { return slab->generation != generation; }

  ByteView bytes() const { return ByteView(slab->bytes).subspan(offset, size); }
};

// All slabs of a relay. Memory once used is kept for later. One thread.
//
// A slab returns when its last reference goes. So that a slow receiver of small packets cannot hold
// many slabs with a few bytes in each, a source has a bounded share: past it, the source's oldest
// slab is taken back, and what was queued from there is lost. The same holds for slabs whose source
// has gone ("detached").
class SlabPool {
 public:
  explicit SlabPool(const Limits& limits);
  SlabPool(const SlabPool&) = delete;
  SlabPool& operator=(const SlabPool&) = delete;

  // To receive into, with one reference, at the back of `owner`. Null when all memory is in use.
  Slab* acquire(Slab::List& owner);
  // Gives up the receiver's reference.
  void finish(Slab& slab);
  // The receiver would go on here, but needs it no longer than the packets in it do. When it has
  // returned meanwhile, its generation is another.
  void set_idle(Slab& slab);

  PacketRef refer(Slab& slab, std::size_t offset, std::size_t size);
  void release(const PacketRef& packet);  // also of a lost one

  // The source goes; what is queued from it stays.
  void detach(Slab::List& owner);

  std::size_t allocated() const { return allocated_; }

  std::size_t in_use() const { return allocated_ - free_.size(); }

 private:
  // The oldest of the list that may be taken back goes to the free ones. False when there is none.
  bool take_back(Slab::List& from);
  void drop_reference(Slab& slab);
  static void move(Slab& slab, Slab::List& to);

  const Limits& limits_;
  std::size_t allocated_ = 0;
  Slab::List free_;
  Slab::List detached_;
};

}  // namespace warren::relay
