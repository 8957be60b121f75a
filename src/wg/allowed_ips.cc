#include "wg/allowed_ips.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <map>

namespace warren::wg {

namespace {

std::size_t slot_of(const IpAddress& network, std::size_t slots) {
  return std::hash<IpAddress>()(network) & (slots - 1);
}

}  // namespace

AllowedIps::AllowedIps(const std::vector<Entry>& entries) {
  for (const bool is_v6 : {false, true}) {
    std::map<unsigned, std::vector<Entry>, std::greater<>> by_length;
    for (const Entry& entry : entries) {
      if (entry.prefix.address().is_v6() == is_v6)
        by_length[entry.prefix.length()].push_back(entry);
    }
    auto& levels = is_v6 ? v6_ : v4_;
    for (const auto& [length, of_length] : by_length) {
      Level level{length, std::vector<Entry>(std::bit_ceil(of_length.size() * 2))};
      for (const Entry& entry : of_length) {
        std::size_t i = slot_of(entry.prefix.address(), level.slots.size());
        while (level.slots[i].peer != nullptr && level.slots[i].prefix != entry.prefix) {
          i = (i + 1) & (level.slots.size() - 1);
        }
        level.slots[i] = entry;
      }
      levels.push_back(std::move(level));
    }
  }
}

DataPeer* AllowedIps::find_in(const Level& level, const IpAddress& address) {
  const IpAddress network =
      level.length == address.bit_length() ? address : IpPrefix(address, level.length).address();
  for (std::size_t i = slot_of(network, level.slots.size());;
       i = (i + 1) & (level.slots.size() - 1)) {
    const Entry& entry = level.slots[i];
    if (entry.peer == nullptr) return nullptr;
    if (entry.prefix.address() == network) return entry.peer;
  }
}

DataPeer* AllowedIps::find(const IpAddress& address) const {
  for (const Level& level : address.is_v6() ? v6_ : v4_) {
    if (DataPeer* const peer = find_in(level, address)) return peer;
  }
  return nullptr;
}

}  // namespace warren::wg
