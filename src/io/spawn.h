#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/log.h"

namespace warren::io {

// Starts a task. An exception that leaves it is a bug or out of memory: it ends the task and is
// logged with the name, once; everything expected comes back as a Result inside the task.
void spawn(const boost::asio::any_io_executor& executor,
           Log log,
           std::string name,
           boost::asio::awaitable<void> task);

// The tasks of one owner. It lives on one strand, as they do. Stopping is: cancel(), wait() until
// they have ended, destroy; destroying it earlier cancels them, but then they must not refer to the
// owner any more.
class Tasks {
 public:
  Tasks(boost::asio::any_io_executor executor, Log log);
  Tasks(const Tasks&) = delete;
  Tasks& operator=(const Tasks&) = delete;
  ~Tasks();

  // After cancel() a new task is not started.
  void spawn(std::string name, boost::asio::awaitable<void> task);

  std::size_t running() const;

  // Their pending waits end with operation_aborted.
  void cancel();
  // Until none runs; returns at once when none does.
  boost::asio::awaitable<void> wait();

 private:
  struct State;

  std::shared_ptr<State> state_;  // tasks that end after their owner still report here
};

}  // namespace warren::io
