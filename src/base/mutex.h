#pragma once

#include <mutex>

// A mutex that clang's -Wthread-safety understands: members say WARREN_GUARDED_BY(mutex_).
#define WARREN_GUARDED_BY(mutex) __attribute__((guarded_by(mutex)))
#define WARREN_REQUIRES(mutex) __attribute__((requires_capability(mutex)))

namespace warren {

class __attribute__((capability("mutex"))) Mutex {
 public:
  void lock() __attribute__((acquire_capability())) { mutex_.lock(); }

  void unlock() __attribute__((release_capability())) { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

class __attribute__((scoped_lockable)) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) __attribute__((acquire_capability(mutex))) : mutex_(mutex) {
    mutex_.lock();
  }

  ~MutexLock() __attribute__((release_capability())) { mutex_.unlock(); }

  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

}  // namespace warren
