#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "wg/retired.h"

namespace warren::tunnel {

// When the engine's retired objects may be destroyed (quiescent-state reclamation, spec: data-plane
// section 5.5). The worker loads pointers afresh in each round and keeps none beyond it; between
// rounds, and before it waits, it says so here. The control strand unlinks, begins a new epoch, and
// destroys what was retired before it once the worker is in that epoch or offline. The worker pays
// one store a round; nobody counts references.
class Reclaimer {
 public:
  // --- worker
  // Between two rounds: everything unlinked so far is out of the worker's hands.
  void quiescent() { enter(epoch_.load(std::memory_order_seq_cst)); }

  // Before waiting, and when the worker ends.
  void offline() { seen_.store(kOffline, std::memory_order_seq_cst); }

  // --- control strand
  // Takes what the engine has unlinked; it lives until the worker has moved on.
  void retire(std::vector<std::unique_ptr<wg::Retired>> objects);

  // Destroys what no worker can hold any more.
  void collect();

  bool empty() const { return waiting_.empty(); }

 private:
  static constexpr std::uint64_t kOffline = 0;  // epochs count from 1

  struct Batch {
    std::uint64_t epoch;  // the worker must have seen at least this one
    std::vector<std::unique_ptr<wg::Retired>> objects;
  };

  void enter(std::uint64_t epoch) {
    seen_.store(epoch, std::memory_order_seq_cst);
    // The pointer loads of the coming round must not move before the store: either control sees us
    // here and waits, or we see what it unlinked.
    std::atomic_thread_fence(std::memory_order_seq_cst);
  }

  alignas(64) std::atomic<std::uint64_t> epoch_ = 1;
  alignas(64) std::atomic<std::uint64_t> seen_ = kOffline;
  std::deque<Batch> waiting_;
};

}  // namespace warren::tunnel
