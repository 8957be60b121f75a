#pragma once

#include <cstdint>
#include <string_view>

// Names and numbers of the node on the host (design section 5, "Our names and numbers").
namespace warren::node {

inline constexpr std::string_view kDeviceName = "warren0";
inline constexpr std::string_view kStateDirectory = "/var/lib/warren/node";

// On outer packets and whatever else must not go through the tunnel (paths section 5.10).
inline constexpr std::uint32_t kMark = 0x80000;
inline constexpr std::uint32_t kMarkMask = 0xff0000;

inline constexpr std::uint32_t kTable = 53;
// Of our routes and rules: tells them from others', also in table 53. Nobody's in rtnetlink.h and
// iproute2's rt_protos.
inline constexpr std::uint8_t kRouteProtocol = 53;

// Rule priorities, below plain WireGuard's 5440 to 5469 and behind a stock client's 5210 to 5270.
inline constexpr std::uint32_t kMarkedToMain = 5400;
inline constexpr std::uint32_t kMarkedToDefault = 5410;
inline constexpr std::uint32_t kMarkedToNowhere = 5420;
inline constexpr std::uint32_t kAllToOverlay = 5430;
inline constexpr std::uint32_t kLastPriority = 5439;

}  // namespace warren::node
