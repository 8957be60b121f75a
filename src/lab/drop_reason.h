#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "lab/nat.h"

namespace warren::lab {

// Why the router loses packets. A super-packet counts as the packets in it.
enum class Drop : std::uint8_t {
  BadPacket,      // no IP packet, or a virtio header that does not fit it
  ForeignSource,  // a host sends from an address that is not its own
  Multicast,      // goes no further than its link, and there nobody is
  NoRoute,
  ToRouter,  // to an address of a router, which runs nothing
  TtlExceeded,
  TooBig,        // for the MTU of a link; may have been answered
  LinkDown,      // switched off
  LinkLoss,      // by chance
  LinkOverflow,  // the link's queue was full
  DelayedFull,   // Topology::max_delayed_bytes
  Firewall,
  NotTranslatable,  // neither UDP, TCP nor ICMP echo, or a fragment, at a NAT
  NatNoMapping,     // this and the next four: NatDrop
  NatFiltered,
  NatNoPorts,
  NatTooManySessions,
  NatNoHairpin,
  DeviceRefused,  // the host's device took it not
  Count,
};

std::string_view to_string(Drop drop);  // "bad_packet"

Drop to_drop(NatDrop reason);

using DropCounts = std::array<std::uint64_t, std::to_underlying(Drop::Count)>;

}  // namespace warren::lab
