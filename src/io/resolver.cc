#include "io/resolver.h"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

#include <netdb.h>

#include <fmt/format.h>

#include "io/clock.h"
#include "io/socket_address.h"

namespace warren::io {

namespace {

using Endpoints = std::vector<Endpoint>;

Errc errc_of(int error) {
  switch (error) {
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
      return Errc::NotFound;
    case EAI_AGAIN:
      return Errc::Unavailable;
    default:
      return Errc::Io;
  }
}

std::optional<Endpoints> numeric(const std::string& host, std::uint16_t port) {
  const auto address = IpAddress::parse(host);
  if (!address) return std::nullopt;
  return Endpoints{{*address, port}};
}

Result<Endpoints> look_up(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;  // one entry an address, not one for each kind of socket
  // Not AI_ADDRCONFIG: the caller may have IPv6 that is no global address.
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (error != 0) {
    return fail(errc_of(error), fmt::format("resolve {}: {}", host, gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
  Endpoints out;
  for (const addrinfo* at = found; at != nullptr && out.size() < kMaxResolved; at = at->ai_next) {
    auto endpoint =
        from_socket_address({reinterpret_cast<const std::uint8_t*>(at->ai_addr), at->ai_addrlen});
    if (!endpoint) continue;
    endpoint->port = port;
    if (std::ranges::find(out, *endpoint) == out.end()) out.push_back(*endpoint);
  }
  if (out.empty()) return fail(Errc::NotFound, fmt::format("resolve {}: it has no address", host));
  return out;
}

// Where the lookup's thread and its caller meet; whoever leaves last frees it.
struct Meeting {
  std::mutex mutex;
  std::condition_variable done;
  std::optional<Result<Endpoints>> outcome;
  bool is_given_up = false;
};

// While it lives, somebody waits for the outcome.
class Patience {
 public:
  explicit Patience(std::shared_ptr<Meeting> meeting) : meeting_(std::move(meeting)) {}

  Patience(const Patience&) = delete;
  Patience& operator=(const Patience&) = delete;

  ~Patience() {
    const std::lock_guard lock(meeting_->mutex);
    meeting_->is_given_up = true;
    meeting_->done.notify_all();
  }

 private:
  std::shared_ptr<Meeting> meeting_;
};

// In a thread of its own, because getaddrinfo() can neither be given a deadline nor be stopped.
Result<Endpoints> look_up_beside(const std::shared_ptr<Meeting>& meeting,
                                 const std::string& host,
                                 std::uint16_t port,
                                 TimePoint deadline) {
  std::unique_lock lock(meeting->mutex);
  if (meeting->is_given_up) return fail(Errc::Unavailable, "cancelled");
  try {
    std::thread([meeting, host, port] {
      auto outcome = look_up(host, port);
      const std::lock_guard inner(meeting->mutex);
      meeting->outcome = std::move(outcome);
      meeting->done.notify_all();
    }).detach();
  } catch (const std::system_error& failure) {
    return unexpected(errno_error("resolve " + host, failure.code().value()));
  }
  const auto patience = std::clamp<Duration>(deadline - boot_now(), 0ns, 24h);
  meeting->done.wait_for(lock, patience,
                         [&] { return meeting->outcome.has_value() || meeting->is_given_up; });
  if (auto& outcome = meeting->outcome) return std::move(*outcome);
  return fail(Errc::Timeout, fmt::format("resolve {}: no answer in time", host));
}

}  // namespace

Result<Endpoints> resolve(const std::string& host, std::uint16_t port, TimePoint deadline) {
  if (auto known = numeric(host, port)) return std::move(*known);
  return look_up_beside(std::make_shared<Meeting>(), host, port, deadline);
}

// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): outlives its callers
boost::asio::awaitable<Result<Endpoints>> async_resolve(BlockingPool& pool,
                                                        std::string host,
                                                        std::uint16_t port,
                                                        TimePoint deadline) {
  if (auto known = numeric(host, port)) co_return std::move(*known);
  const auto meeting = std::make_shared<Meeting>();
  // The pool is free again when nobody waits any more, however long the name service takes.
  const Patience patience(meeting);
  auto call = [meeting, host, port, deadline] {
    return look_up_beside(meeting, host, port, deadline);
  };
  auto outcome = co_await run_blocking(pool, deadline, std::move(call));
  if (!outcome && !outcome.error().detail.starts_with("resolve ")) {
    co_return with_context("resolve " + host, std::move(outcome).error());
  }
  co_return outcome;
}

}  // namespace warren::io
