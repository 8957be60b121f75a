#include "io/spawn.h"

#include <exception>
#include <list>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace warren::io {

namespace asio = boost::asio;

namespace {

// A task that was cancelled may end with the error its wait ended with.
void log_failure(Log& log, const std::string& name, const std::exception_ptr& failure) {
  if (!failure) return;
  try {
    std::rethrow_exception(failure);
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::operation_aborted) return;
    log.error("io: task failed task={} reason={}", name, error.what());
  } catch (const std::exception& error) {
    log.error("io: task failed task={} reason={}", name, error.what());
  } catch (...) {
    log.error("io: task failed task={} reason=unknown", name);
  }
}

}  // namespace

void spawn(const asio::any_io_executor& executor,
           Log log,
           std::string name,
           asio::awaitable<void> task) {
  asio::co_spawn(
      executor, std::move(task),
      [log = std::move(log), name = std::move(name)](const std::exception_ptr& failure) mutable {
        log_failure(log, name, failure);
      });
}

struct Tasks::State {
  State(asio::any_io_executor runs_on, Log logs_to)
      : executor(std::move(runs_on)), log(std::move(logs_to)), idle(executor) {
    idle.expires_at(asio::steady_timer::time_point::max());
  }

  asio::any_io_executor executor;
  Log log;
  std::list<asio::cancellation_signal> signals;  // one a running task
  asio::steady_timer idle;                       // cancelled when the last task ends
  bool cancelled = false;
};

Tasks::Tasks(asio::any_io_executor executor, Log log)
    : state_(std::make_shared<State>(std::move(executor), std::move(log))) {}

Tasks::~Tasks() {
  cancel();
}

void Tasks::spawn(std::string name, asio::awaitable<void> task) {
  if (state_->cancelled) return;
  const auto signal = state_->signals.emplace(state_->signals.end());
  auto on_end = [state = state_, signal,
                 name = std::move(name)](const std::exception_ptr& failure) mutable {
    log_failure(state->log, name, failure);
    // Later, because the task that ends now still refers to its signal.
    asio::post(state->executor, [state, signal] {
      state->signals.erase(signal);
      if (state->signals.empty()) state->idle.cancel();
    });
  };
  asio::co_spawn(state_->executor, std::move(task),
                 asio::bind_cancellation_slot(signal->slot(), std::move(on_end)));
}

std::size_t Tasks::running() const {
  return state_->signals.size();
}

void Tasks::cancel() {
  state_->cancelled = true;
  for (auto& signal : state_->signals) signal.emit(asio::cancellation_type::terminal);
}

asio::awaitable<void> Tasks::wait() {
  const auto state = state_;
  while (!state->signals.empty()) {
    co_await state->idle.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

}  // namespace warren::io
