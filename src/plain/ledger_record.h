#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "plain/network.h"

// The text of a ledger (ledger.h): a first line that names the format, then one record a line.
// A line is written before the change it describes is made, so a last line without its end, cut off
// by a crash, describes no change.
namespace warren::plain {

inline constexpr std::string_view kLedgerHeader = "warren wg ledger 1\n";
inline constexpr std::size_t kMaxLedgerSize = std::size_t{1} << 20;

// The network namespace that rules and sysctls belong to (SO_NETNS_COOKIE: unique until reboot).
struct NamespaceRecord {
  std::uint64_t cookie = 0;

  bool operator==(const NamespaceRecord&) const = default;
};

// The slot of rules and table this device has taken (names.h).
struct SlotRecord {
  std::uint32_t slot = 0;

  bool operator==(const SlotRecord&) const = default;
};

struct RuleRecord {
  PolicyRule rule;

  bool operator==(const RuleRecord&) const = default;
};

struct SysctlRecord {
  std::string name;
  std::string original;  // before the first of our devices changed it
  std::string ours;

  bool operator==(const SysctlRecord&) const = default;
};

struct SocketRecord {
  std::string path;

  bool operator==(const SocketRecord&) const = default;
};

using LedgerRecord =
    std::variant<NamespaceRecord, SlotRecord, RuleRecord, SysctlRecord, SocketRecord>;

// With its line end. Names and paths hold no space and no line end.
std::string encode_record(const LedgerRecord& record);

// Lines that are no record are left out: a newer version may know more.
std::vector<LedgerRecord> decode_ledger(std::string_view text);

}  // namespace warren::plain
