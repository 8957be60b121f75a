#include "io/thread.h"

#include <csignal>
#include <system_error>

#include <pthread.h>

namespace warren::io {

Result<Thread> Thread::start(const std::string& name, Body body) {
  WARREN_TRY(EventFd event, EventFd::create());
  auto stop = std::make_unique<EventFd>(std::move(event));
  // The new thread inherits the mask, so there is no moment in which it takes a signal.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::jthread thread;
  int error = 0;
  try {
    thread = std::jthread([run = std::move(body), seen = stop.get()]() mutable { run(*seen); });
  } catch (const std::system_error& failure) {
    error = failure.code().value();
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error != 0) return unexpected(errno_error("start thread " + name, error));
  pthread_setname_np(thread.native_handle(), name.substr(0, 15).c_str());
  return Thread(std::move(stop), std::move(thread));
}

Thread::~Thread() {
  if (!thread_.joinable()) return;
  request_stop();
  thread_.join();
}

void Thread::request_stop() const {
  stop_->signal();
}

void Thread::join() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace warren::io
