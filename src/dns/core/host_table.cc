#include "dns/core/host_table.h"

#include <algorithm>
#include <utility>

namespace warren::dns {

namespace {

template <class Table, class Key>
void link(Table& table, Key key, HostId id) {
  auto& ids = table[std::move(key)];
  const auto at = std::ranges::lower_bound(ids, id);
  if (at == ids.end() || *at != id) ids.insert(at, id);
}

template <class Table, class Key>
void unlink_from(Table& table, const Key& key, HostId id) {
  const auto found = table.find(key);
  if (found == table.end()) return;
  std::erase(found->second, id);
  if (found->second.empty()) table.erase(found);
}

}  // namespace

bool HostTable::put(HostId id, Host host) {
  const auto found = hosts_.find(id);
  if (found != hosts_.end() && found->second == host) return true;
  remove(id);
  if (host.name.is_root() || host.addresses.size() > kMaxHostAddresses ||
      hosts_.size() >= kMaxHosts) {
    ++refused_;
    return false;
  }
  link(by_name_, std::string(host.name.wire()), id);
  for (const IpAddress& address : host.addresses) link(by_address_, address, id);
  hosts_.emplace(id, std::move(host));
  return true;
}

void HostTable::remove(HostId id) {
  const auto found = hosts_.find(id);
  if (found == hosts_.end()) return;
  unlink_from(by_name_, found->second.name.wire(), id);
  for (const IpAddress& address : found->second.addresses) unlink_from(by_address_, address, id);
  hosts_.erase(found);
}

void HostTable::clear() {
  hosts_.clear();
  by_name_.clear();
  by_address_.clear();
}

const Host* HostTable::find(HostId id) const {
  const auto found = hosts_.find(id);
  return found == hosts_.end() ? nullptr : &found->second;
}

const Host* HostTable::find_by_name(std::string_view wire) const {
  const auto found = by_name_.find(wire);
  return found == by_name_.end() ? nullptr : find(found->second.front());
}

const Host* HostTable::find_by_address(const IpAddress& address) const {
  const auto found = by_address_.find(address);
  return found == by_address_.end() ? nullptr : find(found->second.front());
}

}  // namespace warren::dns
