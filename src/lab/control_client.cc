#include "lab/control_client.h"

#include <cerrno>
#include <cstring>

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "base/json_map.h"
#include "io/file_descriptor.h"

namespace warren::lab {

namespace {

constexpr timeval kPatience{.tv_sec = 5, .tv_usec = 0};
constexpr std::size_t kMaxReply = std::size_t{1} << 20;

struct Reply {
  bool ok = false;
  std::string error;
  NodeReports nodes;
};

void fields(json::ObjectReader& visit, Reply& x) {
  visit.required("ok", x.ok);
  visit("error", x.error);
  visit("nodes", x.nodes);
}

Result<io::FileDescriptor> connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return fail(Errc::InvalidArgument, fmt::format("{} is too long for a socket", path));
  }
  std::memcpy(static_cast<char*>(address.sun_path), path.data(), path.size());
  io::FileDescriptor fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return unexpected(errno_error("open a Unix socket", errno));
  for (const int which : {SO_RCVTIMEO, SO_SNDTIMEO}) {
    setsockopt(fd.get(), SOL_SOCKET, which, &kPatience, sizeof kPatience);
  }
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return unexpected(errno_error("ask the lab's router on " + path, errno));
  }
  return fd;
}

Result<std::string> read_line(int fd) {
  std::string out;
  while (!out.ends_with('\n')) {
    char buffer[4096];
    const ssize_t size = recv(fd, buffer, sizeof buffer, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return unexpected(errno_error("hear from the lab's router", errno));
    out.append(buffer, static_cast<std::size_t>(size));
    if (size == 0 || out.size() > kMaxReply) {
      return fail(Errc::Io, "the lab's router gave no answer");
    }
  }
  return out;
}

}  // namespace

void fields(json::ObjectReader& visit, NodeReport& x) {
  visit("behind", x.behind);
  visit("block", x.block);
  visit("external", x.external);
  visit("sent", x.sent);
  visit("received", x.received);
  visit("sessions", x.sessions);
  visit("drops", x.drops);
}

Result<NodeReports> parse_reply(std::string_view line) {
  WARREN_TRY(Reply reply, json::read_text<Reply>(line));
  if (!reply.ok) return fail(Errc::InvalidArgument, reply.error);
  return std::move(reply.nodes);
}

Result<NodeReports> ask_router(const std::string& path, const boost::json::object& command) {
  WARREN_TRY(const auto fd, connect_to(path));
  const std::string line = boost::json::serialize(command) + '\n';
  // A line fits into the socket's buffer whole.
  if (send(fd.get(), line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size())) {
    return unexpected(errno_error("ask the lab's router", errno));
  }
  WARREN_TRY(const std::string reply, read_line(fd.get()));
  return parse_reply(reply);
}

}  // namespace warren::lab
