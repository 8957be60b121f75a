#include "node/os/dns_query.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/file_descriptor.h"
#include "io/socket_address.h"
#include "proto/dns/message.h"

namespace warren::node {

namespace {

constexpr Duration kAgain = 1s;

using Message = std::vector<std::uint8_t>;

struct Asked {
  io::FileDescriptor fd;
  bool has_failed = false;
};

Result<io::FileDescriptor> connect_to(const Endpoint& server, std::uint32_t mark) {
  io::FileDescriptor fd(socket(server.address.is_v6() ? AF_INET6 : AF_INET,
                               SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.is_open()) return unexpected(errno_error("open a socket", errno));
  if (mark != 0) static_cast<void>(setsockopt(fd.get(), SOL_SOCKET, SO_MARK, &mark, sizeof mark));
  io::SocketAddress address;
  const socklen_t size = io::to_socket_address(server, address);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) {
    return unexpected(errno_error("ask " + server.to_string(), errno));
  }
  return fd;
}

void send_to_all(std::vector<Asked>& asked, ByteView query) {
  for (Asked& each : asked) {
    if (each.has_failed) continue;
    if (send(each.fd.get(), query.data(), query.size(), MSG_NOSIGNAL) < 0 && errno != EAGAIN) {
      each.has_failed = true;
    }
  }
}

bool is_failure(dns::ResponseCode code) {
  return code != dns::ResponseCode::NoError && code != dns::ResponseCode::NxDomain;
}

// What came, if it answers.
std::optional<Message> receive(Asked& from,
                               std::uint16_t id,
                               const dns::Question& question,
                               std::optional<Message>& failure) {
  for (;;) {
    Message buffer(dns::kMaxUdpMessage);
    const ssize_t size = recv(from.fd.get(), buffer.data(), buffer.size(), 0);
    if (size < 0) {
      // A port that nobody listens at, or no way there any more.
      if (errno != EAGAIN && errno != EINTR) from.has_failed = true;
      return std::nullopt;
    }
    buffer.resize(static_cast<std::size_t>(size));
    const auto head = dns::decode_reply_head(buffer);
    if (!head || head->id != id || head->question != question) continue;
    if (!is_failure(head->code)) return buffer;
    from.has_failed = true;
    failure = std::move(buffer);
    return std::nullopt;
  }
}

}  // namespace

Result<Message> ask_nameservers(const std::vector<Endpoint>& servers,
                                ByteView query,
                                std::uint32_t mark,
                                TimePoint deadline) {
  const auto decoded = dns::decode_query(query);
  if (!decoded) return fail(Errc::InvalidArgument, "ask for a name: this is no question");
  std::vector<Asked> asked;
  Error problem{.code = Errc::NotFound, .detail = "there is no nameserver to ask"};
  for (const Endpoint& server : servers) {
    if (asked.size() == kMaxAskedServers) break;
    auto fd = connect_to(server, mark);
    if (fd) {
      asked.push_back({.fd = std::move(*fd)});
    } else {
      problem = std::move(fd).error();
    }
  }
  std::optional<Message> failure;
  TimePoint again = TimePoint::min();
  for (;;) {
    const bool is_open =
        std::ranges::any_of(asked, [](const Asked& each) { return !each.has_failed; });
    if (!is_open) break;
    const TimePoint now = io::boot_now();
    if (now >= deadline) break;
    if (now >= again) {
      send_to_all(asked, query);
      again = now + kAgain;
    }
    std::array<pollfd, kMaxAskedServers> waits{};
    for (std::size_t i = 0; i < asked.size(); ++i) {
      waits.at(i) = {
          .fd = asked[i].has_failed ? -1 : asked[i].fd.get(), .events = POLLIN, .revents = 0};
    }
    const auto left = std::min(again, deadline) - now;
    const int ready = poll(waits.data(), asked.size(), static_cast<int>(left / 1ms) + 1);
    if (ready < 0 && errno != EINTR) return unexpected(errno_error("wait for an answer", errno));
    for (std::size_t i = 0; ready > 0 && i < asked.size(); ++i) {
      if (waits.at(i).revents == 0) continue;
      if (auto answer = receive(asked[i], decoded->id, decoded->question, failure)) {
        return std::move(*answer);
      }
    }
  }
  if (failure) return std::move(*failure);
  if (asked.empty()) return unexpected(std::move(problem));
  return fail(Errc::Timeout, "no nameserver answers");
}

}  // namespace warren::node
