#include "plain/name_lookup.h"

#include <cerrno>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include <fcntl.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/mutex.h"
#include "io/clock.h"
#include "io/event_fd.h"
#include "io/resolver.h"

namespace warren::plain {

namespace asio = boost::asio;

namespace {

constexpr Duration kDeadline = 30s;  // resolv.conf(5): three servers, two attempts, 5 s each

// Where the thread and the task meet; whoever leaves last frees it.
struct Meeting {
  explicit Meeting(io::EventFd event) : done(std::move(event)) {}

  io::EventFd done;
  Mutex mutex;
  std::optional<Result<std::vector<Endpoint>>> outcome WARREN_GUARDED_BY(mutex);
};

}  // namespace

asio::awaitable<Result<std::vector<Endpoint>>> look_up_name(std::string host, std::uint16_t port) {
  auto event = io::EventFd::create();
  if (!event) co_return unexpected(std::move(event).error());
  const auto meeting = std::make_shared<Meeting>(std::move(*event));
  const int fd = fcntl(meeting->done.fd(), F_DUPFD_CLOEXEC, 0);  // Asio closes what it is given
  if (fd < 0) co_return unexpected(errno_error("look up " + host, errno));
  asio::posix::stream_descriptor done(co_await asio::this_coro::executor, fd);
  try {
    std::thread([meeting, host, port] {
      auto outcome = io::resolve(host, port, io::boot_now() + kDeadline);
      {
        const MutexLock lock(meeting->mutex);
        meeting->outcome = std::move(outcome);
      }
      meeting->done.signal();
    }).detach();
  } catch (const std::system_error& failure) {
    co_return unexpected(errno_error("look up " + host, failure.code().value()));
  }
  const auto [error] = co_await done.async_wait(asio::posix::descriptor_base::wait_read,
                                                asio::as_tuple(asio::use_awaitable));
  if (error) co_return fail(Errc::Unavailable, "cancelled");
  const MutexLock lock(meeting->mutex);
  co_return std::move(meeting->outcome).value_or(fail(Errc::Unavailable, "cancelled"));
}

}  // namespace warren::plain
