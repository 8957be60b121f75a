#include <cstring>
#include <vector>

#include "io/link.h"

// What follows the netlink header of an RTM_NEWLINK message.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  nlmsghdr header{};
  header.nlmsg_len = static_cast<std::uint32_t>(sizeof header + size);
  std::vector<std::uint8_t> message(header.nlmsg_len);
  std::memcpy(message.data(), &header, sizeof header);
  if (size > 0) std::memcpy(message.data() + sizeof header, data, size);
  static_cast<void>(warren::io::read_link(*reinterpret_cast<const nlmsghdr*>(message.data())));
  return 0;
}
