#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/mutex.h"

namespace warren {

// Read-mostly state that is swapped whole. The writer publishes a new immutable value; a reader
// keeps its own shared_ptr and calls refresh(), which is one acquire load unless something changed.
// Not std::atomic<std::shared_ptr>: that is not lock-free here, and TSan takes it for a race.
template <class T>
class Snapshot {
 public:
  class Reader;

  explicit Snapshot(std::shared_ptr<const T> value) : value_(std::move(value)) {}

  void publish(std::shared_ptr<const T> value) {
    std::shared_ptr<const T> old;  // freed outside the lock
    {
      const MutexLock lock(mutex_);
      old = std::exchange(value_, std::move(value));
      version_.fetch_add(1, std::memory_order_release);
    }
  }

  std::shared_ptr<const T> get() const {
    const MutexLock lock(mutex_);
    return value_;
  }

  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

 private:
  mutable Mutex mutex_;
  std::shared_ptr<const T> value_ WARREN_GUARDED_BY(mutex_);
  std::atomic<std::uint64_t> version_ = 1;
};

// One thread's view of a Snapshot, which must outlive it.
template <class T>
class Snapshot<T>::Reader {
 public:
  explicit Reader(const Snapshot& source) : source_(source) { refresh(); }

  // True when the value changed.
  bool refresh() {
    const std::uint64_t version = source_.version();
    if (version == version_) return false;
    value_ = source_.get();
    version_ = version;
    return true;
  }

  const T& operator*() const { return *value_; }

  const T* operator->() const { return value_.get(); }

 private:
  const Snapshot& source_;
  std::uint64_t version_ = 0;
  std::shared_ptr<const T> value_;
};

}  // namespace warren
