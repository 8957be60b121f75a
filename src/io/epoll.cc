#include "io/epoll.h"

#include <cerrno>

#include <fmt/format.h>

namespace warren::io {

namespace {

Result<void> control(int epoll, int operation, int fd, epoll_event event, std::string_view what) {
  if (epoll_ctl(epoll, operation, fd, &event) == 0) return {};
  return unexpected(errno_error(fmt::format("{} descriptor {} in epoll", what, fd), errno));
}

epoll_event make_event(std::uint32_t events, std::uint64_t tag) {
  epoll_event out{};
  out.events = events;
  out.data.u64 = tag;
  return out;
}

}  // namespace

Result<Epoll> Epoll::create() {
  FileDescriptor fd(epoll_create1(EPOLL_CLOEXEC));
  if (!fd.is_open()) return unexpected(errno_error("make an epoll", errno));
  return Epoll(std::move(fd));
}

Result<void> Epoll::add(int fd, std::uint32_t events, std::uint64_t tag) {
  return control(fd_.get(), EPOLL_CTL_ADD, fd, make_event(events, tag), "add");
}

Result<void> Epoll::modify(int fd, std::uint32_t events, std::uint64_t tag) {
  return control(fd_.get(), EPOLL_CTL_MOD, fd, make_event(events, tag), "change");
}

Result<void> Epoll::remove(int fd) {
  return control(fd_.get(), EPOLL_CTL_DEL, fd, {}, "remove");
}

std::span<epoll_event> Epoll::wait(std::span<epoll_event> events, int timeout_milliseconds) const {
  const int ready =
      epoll_wait(fd_.get(), events.data(), static_cast<int>(events.size()), timeout_milliseconds);
  return events.first(ready > 0 ? static_cast<std::size_t>(ready) : 0);
}

}  // namespace warren::io
