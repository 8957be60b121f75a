#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>

namespace warren::tunnel {

// A bounded queue from one thread to one other, without locks. The producer fills an entry in
// place: claim(), write, commit(); the consumer looks at front() and pops. A full ring refuses: the
// caller counts the drop.
template <class T, std::size_t kCapacity>
class SpscRing {
  static_assert((kCapacity & (kCapacity - 1)) == 0, "a power of two");

 public:
  // --- producer
  // The next free entry, or null when the ring is full.
  T* claim() {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_.load(std::memory_order_acquire) == kCapacity) return nullptr;
    return &(*entries_)[tail % kCapacity];
  }

  void commit() {
    tail_.store(tail_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

  bool push(const T& value) {
    T* const entry = claim();
    if (entry == nullptr) return false;
    *entry = value;
    commit();
    return true;
  }

  // --- consumer
  // The oldest entry, or null when the ring is empty.
  T* front() {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_.load(std::memory_order_acquire)) return nullptr;
    return &(*entries_)[head % kCapacity];
  }

  void pop() { head_.store(head_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

  // --- either
  std::size_t size() const {
    return tail_.load(std::memory_order_acquire) - head_.load(std::memory_order_acquire);
  }

 private:
  std::unique_ptr<std::array<T, kCapacity>> entries_ =
      std::make_unique_for_overwrite<std::array<T, kCapacity>>();
  alignas(64) std::atomic<std::size_t> head_ = 0;  // next to be read
  alignas(64) std::atomic<std::size_t> tail_ = 0;  // next to be written
};

}  // namespace warren::tunnel
