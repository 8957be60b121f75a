#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include <linux/netlink.h>

#include "base/bytes.h"
#include "base/ip_address.h"
#include "base/result.h"
#include "io/file_descriptor.h"

// Requests to the kernel's routing socket. The nouns are in link.h, address.h, route.h and rule.h.
namespace warren::io {

// One request: a netlink header, the family's own header, attributes. Room for the largest that the
// nouns build, with a factor to spare.
class NetlinkRequest {
 public:
  template <class Header>
  NetlinkRequest(std::uint16_t type, unsigned flags, const Header& header)
      : NetlinkRequest(type, flags, &header, sizeof header) {}

  void put_u8(std::uint16_t attribute, std::uint8_t value);
  void put_u32(std::uint16_t attribute, std::uint32_t value);
  void put_bytes(std::uint16_t attribute, ByteView value);
  void put_text(std::uint16_t attribute, std::string_view value);  // with a zero behind it
  void put_address(std::uint16_t attribute, const IpAddress& address);

  nlmsghdr* message() { return reinterpret_cast<nlmsghdr*>(buffer_.data()); }

 private:
  NetlinkRequest(std::uint16_t type, unsigned flags, const void* header, std::size_t size);

  alignas(nlmsghdr) std::array<std::uint8_t, 512> buffer_{};
};

// One socket, one request at a time, blocking for at most a second. Use from one thread.
class Netlink {
 public:
  // Opened in the network namespace of the calling thread.
  static Result<Netlink> open();

  // Sends a change and waits for its acknowledgement. Errors carry `doing` and the kernel's own
  // explanation where it gives one.
  Result<void> change(NetlinkRequest& request, std::string_view doing);

  // Sends a question and calls `take` for each answer.
  Result<void> query(NetlinkRequest& request,
                     std::string_view doing,
                     const std::function<void(const nlmsghdr&)>& take);

 private:
  explicit Netlink(FileDescriptor fd);

  Result<void> send(NetlinkRequest& request, std::string_view doing);
  Result<std::size_t> receive(std::string_view doing);
  Result<void> exchange(NetlinkRequest& request,
                        std::string_view doing,
                        const std::function<void(const nlmsghdr&)>& take,
                        bool& interrupted);

  FileDescriptor fd_;
  std::uint32_t sequence_ = 0;
  std::vector<std::uint8_t> buffer_;
};

// For whoever cleans up or repeats: a failure for this reason is as good as success.
inline Result<void> unless(Errc expected, Result<void> result) {
  if (!result && result.error().code == expected) return {};
  return result;
}

// The attributes of a message, read with care: an attribute that is too short is taken for absent.
class NetlinkAttributes {
 public:
  // `header_size`: what lies between the netlink header and the first attribute.
  NetlinkAttributes(const nlmsghdr& message, std::size_t header_size);

  // Attributes nested in another's bytes.
  explicit NetlinkAttributes(ByteView attributes) : attributes_(attributes) {}

  std::optional<std::uint8_t> u8(std::uint16_t attribute) const;
  std::optional<std::uint32_t> u32(std::uint16_t attribute) const;
  std::optional<std::string_view> text(std::uint16_t attribute) const;
  std::optional<IpAddress> address(std::uint16_t attribute) const;
  // Empty when the attribute is absent.
  ByteView bytes(std::uint16_t attribute) const;

 private:
  ByteView attributes_;
};

// The message's own header, if it is long enough to hold one.
template <class Header>
const Header* netlink_header(const nlmsghdr& message) {
  if (message.nlmsg_len < NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(Header))) return nullptr;
  return reinterpret_cast<const Header*>(reinterpret_cast<const std::uint8_t*>(&message) +
                                         NLMSG_HDRLEN);
}

}  // namespace warren::io
