#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "base/ip_address.h"
#include "base/result.h"
#include "proto/wgquick/config.h"

namespace warren::plain {

inline constexpr std::uint32_t kMainTable = 254;  // RT_TABLE_MAIN

// Out through our device.
struct DeviceRoute {
  IpPrefix prefix;
  std::uint32_t table = kMainTable;

  auto operator<=>(const DeviceRoute&) const = default;
};

// ip-rule(8): [not] fwmark MARK/MASK lookup TABLE [suppress_prefixlength N] priority P.
struct PolicyRule {
  bool is_v6 = false;
  std::uint32_t priority = 0;
  std::uint32_t table = kMainTable;
  bool not_marked = false;  // only packets without the mark
  std::uint32_t mark = 0;   // with mask 0: any packet
  std::uint32_t mask = 0;
  std::optional<std::uint32_t> suppress_prefix_length;

  auto operator<=>(const PolicyRule&) const = default;
};

// What plain mode changes on the host, one step each. A fake stands in for it in tests.
//
// All steps may be repeated: adding what is there and removing what is gone succeed.
class Network {
 public:
  Network() = default;
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;
  virtual ~Network() = default;

  // Of our device.
  virtual Result<void> set_up(unsigned mtu) = 0;
  virtual Result<void> add_address(const wgquick::InterfaceAddress& address) = 0;
  virtual Result<void> remove_address(const wgquick::InterfaceAddress& address) = 0;
  virtual Result<void> add_route(const DeviceRoute& route) = 0;
  virtual Result<void> remove_route(const DeviceRoute& route) = 0;

  // Of the host: these outlive the process (ledger.h).
  virtual Result<void> add_rule(const PolicyRule& rule) = 0;
  virtual Result<void> remove_rule(const PolicyRule& rule) = 0;
  virtual Result<std::string> read_sysctl(const std::string& name) = 0;
  virtual Result<void> write_sysctl(const std::string& name, const std::string& value) = 0;
};

}  // namespace warren::plain
