#pragma once

#include <cstdint>
#include <string_view>

// Names and numbers of plain WireGuard mode on the host (design section 5, "Our names and
// numbers").
namespace warren::plain {

inline constexpr std::string_view kLedgerDirectory = "/run/warren/wg";
// Where wireguard-tools look for userspace devices (ipc-uapi.h: RUNSTATEDIR is /var/run).
inline constexpr std::string_view kSocketDirectory = "/var/run/wireguard";

// A device that carries a default route has a slot: two rules, and a table with the number of the
// second rule. The upper part of Warren's 5400-5470 is ours, below it is the node's.
inline constexpr std::uint32_t kFirstSlotPriority = 5440;
inline constexpr std::uint32_t kSlots = 15;  // priorities 5440 to 5469

// On outer packets when the file sets no FwMark and there is a default route. Warren's mark: outer
// packets of two Warren tunnels on one host never go through each other.
inline constexpr std::uint32_t kDefaultMark = 0x80000;
inline constexpr std::uint32_t kDefaultMarkMask = 0xFF0000;

inline constexpr unsigned kDefaultMtu = 1420;  // 1500 - 80, paths section 1.9: outer IPv6 headers

inline constexpr std::size_t kMaxDeviceName = 15;  // IFNAMSIZ - 1

}  // namespace warren::plain
