#include "netmap/tables.h"

#include <algorithm>
#include <array>
#include <ranges>

#include "base/result.h"
#include "netmap/addresses.h"

namespace warren::netmap {
namespace {

template <class Map, class Key>
auto* find_in(const Map& map, const Key& key) {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : &found->second;
}

template <class Map, class Row, class Key>
void put(Map& map, const RowChange<Row>& change, Key Row::* key) {
  if (change.before) WARREN_CHECK(map.erase((*change.before).*key) == 1);
  if (change.after) WARREN_CHECK(map.emplace((*change.after).*key, *change.after).second);
}

template <class Row>
RowChange<Row> reversed(const RowChange<Row>& change) {
  return {.before = change.after, .after = change.before};
}

// The IPv4 address that the lease is under; none when the address is of no node's kind.
std::optional<IpAddress> leased_v4(const IpAddress& address) {
  if (address.is_v4()) return address;
  std::array<std::uint8_t, 4> last{};
  std::ranges::copy(address.bytes().last(4), last.begin());
  const IpAddress v4 = IpAddress::v4(last);
  if (v6_of(v4) != address) return std::nullopt;
  return v4;
}

}  // namespace

void Tables::apply(const Change& change) {
  std::visit([this](const auto& row) { apply_row(row); }, change);
}

void Tables::undo(const Changes& changes) {
  for (const Change& change : std::views::reverse(changes)) {
    std::visit([this](const auto& row) { apply_row(reversed(row)); }, change);
  }
}

void Tables::apply_row(const RowChange<User>& change) {
  if (change.before) user_by_login_.erase(change.before->login);
  put(users_, change, &User::id);
  if (change.after) user_by_login_.emplace(change.after->login, change.after->id);
}

void Tables::apply_row(const RowChange<AuthKey>& change) {
  put(auth_keys_, change, &AuthKey::id);
}

void Tables::apply_row(const RowChange<Node>& change) {
  if (change.before) {
    node_by_key_.erase(change.before->key);
    if (change.before->old_key) node_by_key_.erase(*change.before->old_key);
    node_by_machine_.erase({change.before->machine, change.before->owner.user});
    if (change.before->kind == NodeKind::Hub) hub_.reset();
  }
  put(nodes_, change, &Node::id);
  if (change.after) {
    const Node& node = *change.after;
    WARREN_CHECK(node_by_key_.emplace(node.key, node.id).second);
    if (node.old_key) WARREN_CHECK(node_by_key_.emplace(*node.old_key, node.id).second);
    if (!node.machine.is_zero()) {
      WARREN_CHECK(
          node_by_machine_.emplace(std::pair(node.machine, node.owner.user), node.id).second);
    }
    if (node.kind == NodeKind::Hub) {
      WARREN_CHECK(!hub_);
      hub_ = node.id;
    }
  }
}

void Tables::apply_row(const RowChange<Device>& change) {
  put(devices_, change, &Device::node);
}

void Tables::apply_row(const RowChange<AddressLease>& change) {
  put(addresses_, change, &AddressLease::v4);
}

void Tables::apply_row(const RowChange<NameLease>& change) {
  put(names_, change, &NameLease::name);
}

const User* Tables::find_user(UserId id) const {
  return find_in(users_, id);
}

const User* Tables::find_user(const std::string& login) const {
  const UserId* const id = find_in(user_by_login_, login);
  return id == nullptr ? nullptr : find_user(*id);
}

const AuthKey* Tables::find_auth_key(const std::string& id) const {
  return find_in(auth_keys_, id);
}

const Node* Tables::find_node(NodeId id) const {
  return find_in(nodes_, id);
}

const Node* Tables::find_node(const NodePublicKey& key) const {
  const NodeId* const id = find_in(node_by_key_, key);
  return id == nullptr ? nullptr : find_node(*id);
}

const Node* Tables::find_node(const MachinePublicKey& machine, UserId user) const {
  const NodeId* const id = find_in(node_by_machine_, std::pair(machine, user));
  return id == nullptr ? nullptr : find_node(*id);
}

bool Tables::has_machine(const MachinePublicKey& machine) const {
  const auto first = node_by_machine_.lower_bound({machine, UserId()});
  return first != node_by_machine_.end() && first->first.first == machine;
}

const Node* Tables::find_node(const IpAddress& address) const {
  const auto v4 = leased_v4(address);
  const AddressLease* const lease = v4 ? find_address(*v4) : nullptr;
  return lease == nullptr || lease->released ? nullptr : find_node(lease->node);
}

const Node* Tables::find_node(const std::string& name) const {
  const NameLease* const lease = find_name(name);
  return lease == nullptr || lease->released ? nullptr : find_node(lease->node);
}

const Node* Tables::find_hub() const {
  return hub_ ? find_node(*hub_) : nullptr;
}

const Device* Tables::find_device(NodeId node) const {
  return find_in(devices_, node);
}

const AddressLease* Tables::find_address(const IpAddress& v4) const {
  return find_in(addresses_, v4);
}

const NameLease* Tables::find_name(const std::string& name) const {
  return find_in(names_, name);
}

bool Tables::operator==(const Tables& other) const {
  return users_ == other.users_ && auth_keys_ == other.auth_keys_ && nodes_ == other.nodes_ &&
         devices_ == other.devices_ && addresses_ == other.addresses_ && names_ == other.names_;
}

}  // namespace warren::netmap
