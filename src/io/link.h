#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/netlink.h"

namespace warren::io {

// A network interface.
struct Link {
  unsigned index = 0;
  std::string name;
  std::string kind;  // "tun", "veth", …; empty for hardware
  std::uint32_t mtu = 0;
  std::uint32_t tx_queue_length = 0;
  std::uint32_t gso_max_size = 0;
  std::uint32_t flags = 0;  // IFF_…, linux/if.h

  bool is_up() const { return (flags & 1) != 0; }  // IFF_UP

  bool operator==(const Link&) const = default;
};

enum class LinkState : std::uint8_t { Down, Up };

Result<Link> find_link(Netlink& netlink, const std::string& name);
Result<std::vector<Link>> list_links(Netlink& netlink);

Result<void> set_link_state(Netlink& netlink, unsigned index, LinkState state);
Result<void> set_link_mtu(Netlink& netlink, unsigned index, std::uint32_t mtu);
// A TUN device starts with 500, which is what it should have (spec: data-plane section 2.7).
Result<void> set_link_tx_queue_length(Netlink& netlink, unsigned index, std::uint32_t packets);
// IFLA_GSO_MAX_SIZE (spec: data-plane section 2.4).
Result<void> set_link_gso_max_size(Netlink& netlink, unsigned index, std::uint32_t bytes);

// Of an RTM_NEWLINK or RTM_DELLINK message; none when it is malformed.
std::optional<Link> read_link(const nlmsghdr& message);

}  // namespace warren::io
