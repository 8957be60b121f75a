#include "netmap/addresses.h"
#include "netmap/model.h"
#include "netmap/model_change.h"
#include "netmap/names.h"

namespace warren::netmap {
namespace {

template <class Lease>
bool is_over(const Lease* lease, std::chrono::hours quarantine, WallTime now) {
  return lease == nullptr || (lease->released && lease->released->after(quarantine) <= now);
}

}  // namespace

std::optional<IpAddress> Model::find_free_address(WallTime now) {
  for (std::size_t tries = 0; tries < kAddressCount; ++tries) {
    const IpAddress address = nth_v4(next_address_++ % kAddressCount);
    if (!may_be_leased(address)) continue;
    if (is_over(tables_.find_address(address), kAddressQuarantine, now)) return address;
  }
  return std::nullopt;
}

void Model::lease_address(const Node& owner, Changes& out) {
  change<AddressLease>(tables_.find_address(owner.v4),
                       AddressLease{.v4 = owner.v4, .node = owner.id, .released = std::nullopt},
                       out);
}

bool Model::is_name_free(const std::string& name, const Node& owner, WallTime now) const {
  const NameLease* const lease = tables_.find_name(name);
  if (is_over(lease, kNameQuarantine, now) || lease->node == owner.id) return true;
  return lease->released && lease->user == owner.owner.user;
}

std::string Model::find_free_name(std::string_view hostname,
                                  const Node& owner,
                                  WallTime now) const {
  const std::string label = to_label(hostname);
  std::string name = label;
  for (unsigned number = 1; !is_name_free(name, owner, now); ++number) {
    name = numbered_label(label, number);
  }
  return name;
}

void Model::lease_name(const std::string& name, const Node& owner, Changes& out) {
  change<NameLease>(
      tables_.find_name(name),
      NameLease{.name = name, .node = owner.id, .user = owner.owner.user, .released = std::nullopt},
      out);
}

void Model::release_name(const std::string& name, WallTime now, Changes& out) {
  const NameLease* const lease = tables_.find_name(name);
  WARREN_CHECK(lease != nullptr);
  NameLease released = *lease;
  released.released = now;
  change<NameLease>(lease, released, out);
}

}  // namespace warren::netmap
