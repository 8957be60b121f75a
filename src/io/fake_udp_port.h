#pragma once

#include <cerrno>
#include <cstring>
#include <functional>
#include <optional>
#include <vector>

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "io/control_messages.h"
#include "io/file_descriptor.h"
#include "io/socket_address.h"
#include "io/udp_port.h"

// Test support: a socket that keeps what it is given and fails where the test says so.
namespace warren::io {

struct SentMessage {
  Endpoint to;
  std::vector<std::uint8_t> payload;
  std::optional<std::uint16_t> segment_size;
  std::optional<LocalAddress> source;
  std::optional<int> tos;
};

class FakeUdpPort final : public UdpPort {
 public:
  // 0, or the errno with which the kernel refuses this message.
  std::function<int(const SentMessage&)> refuse = [](const SentMessage&) { return 0; };
  std::vector<SentMessage> sent;
  int calls = 0;

  // Makes poll() for POLLOUT wait in vain: an eventfd with a full counter is not writable.
  void fill_up() {
    const std::uint64_t most = UINT64_MAX - 1;
    (void)!::write(ready_.get(), &most, sizeof most);
  }

  int fd() const override { return ready_.get(); }

  int receive(std::span<mmsghdr> /*slots*/) override { return -EAGAIN; }

  int send(std::span<mmsghdr> messages) override {
    ++calls;
    int count = 0;
    for (const mmsghdr& message : messages) {
      SentMessage read = read_message(message.msg_hdr);
      const int error = refuse(read);
      if (error != 0) return count > 0 ? count : -error;
      sent.push_back(std::move(read));
      ++count;
    }
    return count;
  }

 private:
  static SentMessage read_message(const msghdr& header) {
    SentMessage out;
    out.to =
        from_socket_address({static_cast<const std::uint8_t*>(header.msg_name), header.msg_namelen})
            .value();
    const auto* data = static_cast<const std::uint8_t*>(header.msg_iov->iov_base);
    out.payload.assign(data, data + header.msg_iov->iov_len);
    msghdr copy = header;
    for (cmsghdr* at = CMSG_FIRSTHDR(&copy); at != nullptr; at = CMSG_NXTHDR(&copy, at)) {
      const std::uint8_t* value = CMSG_DATA(at);
      if (at->cmsg_level == SOL_UDP && at->cmsg_type == UDP_SEGMENT &&
          at->cmsg_len == CMSG_LEN(2)) {
        out.segment_size = load_le<std::uint16_t>(value);
      } else if (at->cmsg_type == IP_TOS || at->cmsg_type == IPV6_TCLASS) {
        out.tos = load_le<int>(value);
      } else {
        out.source =
            parse_control_messages({reinterpret_cast<const std::uint8_t*>(at), at->cmsg_len}).local;
      }
    }
    return out;
  }

  FileDescriptor ready_{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
};

}  // namespace warren::io
