#include "io/netlink.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include <sys/socket.h>
#include <sys/time.h>

#include <libmnl/libmnl.h>

namespace warren::io {

namespace {

constexpr std::size_t kReceiveSize = 32768;  // what the kernel packs into one answer of a dump
constexpr timeval kPatience{.tv_sec = 1, .tv_usec = 0};  // answers take microseconds
constexpr int kDumpTries = 5;  // a dump during which something changed is asked for again

std::uint16_t native16(const std::uint8_t* at) {
  std::uint16_t out = 0;
  std::memcpy(&out, at, sizeof out);
  return out;
}

Error netlink_error(std::string_view doing, const nlmsghdr& message) {
  const auto* error = netlink_header<nlmsgerr>(message);
  if (error == nullptr) return {Errc::Io, std::string(doing) + ": malformed netlink error"};
  Error out = errno_error(doing, -error->error);
  if ((message.nlmsg_flags & NLM_F_ACK_TLVS) != 0) {
    std::size_t skip = sizeof(nlmsgerr);
    if ((message.nlmsg_flags & NLM_F_CAPPED) == 0) skip += mnl_nlmsg_get_payload_len(&error->msg);
    const auto text = NetlinkAttributes(message, skip).text(NLMSGERR_ATTR_MSG);
    if (text) out.detail += " (" + std::string(*text) + ")";
  }
  return out;
}

}  // namespace

NetlinkRequest::NetlinkRequest(std::uint16_t type,
                               unsigned flags,
                               const void* header,
                               std::size_t size) {
  nlmsghdr* const out = mnl_nlmsg_put_header(buffer_.data());
  out->nlmsg_type = type;
  out->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  std::memcpy(mnl_nlmsg_put_extra_header(out, size), header, size);
}

void NetlinkRequest::put_u8(std::uint16_t attribute, std::uint8_t value) {
  WARREN_CHECK(mnl_attr_put_u8_check(message(), buffer_.size(), attribute, value));
}

void NetlinkRequest::put_u32(std::uint16_t attribute, std::uint32_t value) {
  WARREN_CHECK(mnl_attr_put_u32_check(message(), buffer_.size(), attribute, value));
}

void NetlinkRequest::put_bytes(std::uint16_t attribute, ByteView value) {
  WARREN_CHECK(
      mnl_attr_put_check(message(), buffer_.size(), attribute, value.size(), value.data()));
}

void NetlinkRequest::put_text(std::uint16_t attribute, std::string_view value) {
  const std::string text(value);
  WARREN_CHECK(mnl_attr_put_strz_check(message(), buffer_.size(), attribute, text.c_str()));
}

void NetlinkRequest::put_address(std::uint16_t attribute, const IpAddress& address) {
  const auto bytes = address.bytes();
  WARREN_CHECK(
      mnl_attr_put_check(message(), buffer_.size(), attribute, bytes.size(), bytes.data()));
}

Netlink::Netlink(FileDescriptor fd) : fd_(std::move(fd)), buffer_(kReceiveSize) {}

Result<Netlink> Netlink::open() {
  FileDescriptor fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd.is_open()) return unexpected(errno_error("open a netlink socket", errno));
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  // Explanations without a copy of the request; kernels that lack either just say less.
  const int on = 1;
  setsockopt(fd.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  setsockopt(fd.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  sockaddr_nl self{};
  self.nl_family = AF_NETLINK;
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&self), sizeof self) != 0) {
    return unexpected(errno_error("bind a netlink socket", errno));
  }
  return Netlink(std::move(fd));
}

Result<void> Netlink::change(NetlinkRequest& request, std::string_view doing) {
  request.message()->nlmsg_flags |= NLM_F_ACK;
  bool interrupted = false;
  return exchange(request, doing, [](const nlmsghdr&) {}, interrupted);
}

Result<void> Netlink::query(NetlinkRequest& request,
                            std::string_view doing,
                            const std::function<void(const nlmsghdr&)>& take) {
  if ((request.message()->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP) {
    bool interrupted = false;
    request.message()->nlmsg_flags |= NLM_F_ACK;  // so that every exchange has an end
    return exchange(request, doing, take, interrupted);
  }
  for (int tries = 0; tries < kDumpTries; ++tries) {
    bool interrupted = false;
    std::vector<std::vector<std::uint8_t>> answers;
    WARREN_TRY_VOID(exchange(
        request, doing,
        [&](const nlmsghdr& answer) {
          const auto* bytes = reinterpret_cast<const std::uint8_t*>(&answer);
          answers.emplace_back(bytes, bytes + answer.nlmsg_len);
        },
        interrupted));
    if (interrupted) continue;
    for (const auto& answer : answers) take(*reinterpret_cast<const nlmsghdr*>(answer.data()));
    return {};
  }
  return fail(Errc::Unavailable, std::string(doing) + ": it keeps changing");
}

Result<void> Netlink::send(NetlinkRequest& request, std::string_view doing) {
  request.message()->nlmsg_seq = ++sequence_;
  const std::size_t size = request.message()->nlmsg_len;
  if (::send(fd_.get(), request.message(), size, 0) == static_cast<ssize_t>(size)) return {};
  return unexpected(errno_error(doing, errno));
}

Result<std::size_t> Netlink::receive(std::string_view doing) {
  while (true) {
    sockaddr_nl from{};
    socklen_t from_size = sizeof from;
    const ssize_t got = recvfrom(fd_.get(), buffer_.data(), buffer_.size(), MSG_TRUNC,
                                 reinterpret_cast<sockaddr*>(&from), &from_size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) {
      return fail(Errc::Timeout, std::string(doing) + ": no answer from the kernel");
    }
    if (got < 0) return unexpected(errno_error(doing, errno));
    if (from.nl_pid != 0) continue;  // another process, not the kernel
    if (static_cast<std::size_t>(got) > buffer_.size()) {
      return fail(Errc::Io, std::string(doing) + ": an answer larger than the buffer");
    }
    return static_cast<std::size_t>(got);
  }
}

Result<void> Netlink::exchange(NetlinkRequest& request,
                               std::string_view doing,
                               const std::function<void(const nlmsghdr&)>& take,
                               bool& interrupted) {
  WARREN_TRY_VOID(send(request, doing));
  while (true) {
    WARREN_TRY(const std::size_t size, receive(doing));
    int rest = static_cast<int>(size);
    const auto* message = reinterpret_cast<const nlmsghdr*>(buffer_.data());
    for (; mnl_nlmsg_ok(message, rest); message = mnl_nlmsg_next(message, &rest)) {
      if (message->nlmsg_seq != sequence_) continue;  // late, of a request that timed out
      if ((message->nlmsg_flags & NLM_F_DUMP_INTR) != 0) interrupted = true;
      if (message->nlmsg_type == NLMSG_DONE) {
        const auto* error = netlink_header<int>(*message);  // how the dump ended
        if (error == nullptr || *error >= 0) return {};
        return unexpected(errno_error(doing, -*error));
      }
      if (message->nlmsg_type == NLMSG_ERROR) {
        const auto* error = netlink_header<nlmsgerr>(*message);
        if (error != nullptr && error->error == 0) return {};
        return unexpected(netlink_error(doing, *message));
      }
      take(*message);
    }
  }
}

NetlinkAttributes::NetlinkAttributes(const nlmsghdr& message, std::size_t header_size) {
  const std::size_t skip = NLMSG_HDRLEN + NLMSG_ALIGN(header_size);
  if (message.nlmsg_len < skip) return;
  attributes_ =
      ByteView(reinterpret_cast<const std::uint8_t*>(&message), message.nlmsg_len).subspan(skip);
}

ByteView NetlinkAttributes::bytes(std::uint16_t attribute) const {
  ByteView rest = attributes_;
  while (rest.size() >= NLA_HDRLEN) {
    const std::size_t length = native16(&rest[0]);
    const unsigned type = native16(&rest[2]) & NLA_TYPE_MASK;
    if (length < NLA_HDRLEN || length > rest.size()) break;
    if (type == attribute) return rest.subspan(NLA_HDRLEN, length - NLA_HDRLEN);
    rest = rest.subspan(std::min<std::size_t>(NLA_ALIGN(length), rest.size()));
  }
  return {};
}

std::optional<std::uint8_t> NetlinkAttributes::u8(std::uint16_t attribute) const {
  const ByteView value = bytes(attribute);
  if (value.empty()) return std::nullopt;
  return value[0];
}

std::optional<std::uint32_t> NetlinkAttributes::u32(std::uint16_t attribute) const {
  const ByteView value = bytes(attribute);
  if (value.size() < sizeof(std::uint32_t)) return std::nullopt;
  std::uint32_t out = 0;
  std::memcpy(&out, value.data(), sizeof out);
  return out;
}

std::optional<std::string_view> NetlinkAttributes::text(std::uint16_t attribute) const {
  const ByteView value = bytes(attribute);
  if (value.empty()) return std::nullopt;
  const std::string_view text = as_text(value);
  return text.substr(0, text.find('\0'));
}

std::optional<IpAddress> NetlinkAttributes::address(std::uint16_t attribute) const {
  const ByteView value = bytes(attribute);
  if (value.size() == 4) return IpAddress::v4({value[0], value[1], value[2], value[3]});
  if (value.size() != 16) return std::nullopt;
  std::array<std::uint8_t, 16> all{};
  std::memcpy(all.data(), value.data(), all.size());
  return IpAddress::v6(all);
}

}  // namespace warren::io
