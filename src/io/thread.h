#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "base/result.h"
#include "io/event_fd.h"

namespace warren::io {

// A thread with a name that stops when told to. All signals are blocked in it: they belong to the
// thread that runs the program's event loop.
class Thread {
 public:
  // The body returns soon after `stop` is readable. At most 15 characters of the name are shown.
  using Body = std::move_only_function<void(const EventFd& stop)>;

  static Result<Thread> start(const std::string& name, Body body);

  Thread(Thread&&) noexcept = default;
  Thread& operator=(Thread&&) = delete;
  ~Thread();  // stops and waits

  void request_stop() const;
  void join();  // waits for the body to return

 private:
  Thread(std::unique_ptr<EventFd> stop, std::jthread thread)
      : stop_(std::move(stop)), thread_(std::move(thread)) {}

  std::unique_ptr<EventFd> stop_;  // does not move with the Thread: the body refers to it
  std::jthread thread_;
};

}  // namespace warren::io
