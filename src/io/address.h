#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"
#include "io/netlink.h"

namespace warren::io {

// An address of an interface, and the length of the prefix that is on its link.
struct LinkAddress {
  unsigned link = 0;
  IpAddress address;
  unsigned prefix_length = 0;

  bool operator==(const LinkAddress&) const = default;
};

// Whether the kernel may choose it as the source of packets to other machines.
enum class AddressUse : std::uint8_t {
  Source,
  Service,  // never: it is asked from this machine only
};

// IPv6 addresses are added without duplicate address detection: on a tunnel no one could answer,
// and the address would be unusable for a second.
Result<void> add_address(Netlink& netlink,
                         const LinkAddress& address,
                         AddressUse use = AddressUse::Source);
Result<void> remove_address(Netlink& netlink, const LinkAddress& address);

inline Result<void> ensure_address(Netlink& netlink,
                                   const LinkAddress& address,
                                   AddressUse use = AddressUse::Source) {
  return unless(Errc::AlreadyExists, add_address(netlink, address, use));
}

inline Result<void> ensure_no_address(Netlink& netlink, const LinkAddress& address) {
  return unless(Errc::NotFound, remove_address(netlink, address));
}

enum class AddressFilter : bool {
  All,
  Usable,  // the link's other machines have had their say (IPv6 duplicate address detection)
};

// Both families; of all interfaces when `link` is 0.
Result<std::vector<LinkAddress>> list_addresses(Netlink& netlink,
                                                unsigned link,
                                                AddressFilter filter = AddressFilter::All);

struct ReadAddress {
  LinkAddress address;
  bool is_usable = false;
};

// Of an RTM_NEWADDR or RTM_DELADDR message; none when it is malformed.
std::optional<ReadAddress> read_address(const nlmsghdr& message);

}  // namespace warren::io
