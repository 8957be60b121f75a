#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "netmap/changes.h"

namespace warren::netmap {

// The rows and the ways to find them. Nothing here decides: whoever changes a row has checked.
class Tables {
 public:
  // `before` must be the row as it is.
  void apply(const Change& change);
  // Takes back what apply() did, newest first.
  void undo(const Changes& changes);

  const User* find_user(UserId id) const;
  const User* find_user(const std::string& login) const;
  const AuthKey* find_auth_key(const std::string& id) const;
  const Node* find_node(NodeId id) const;
  const Node* find_node(const NodePublicKey& key) const;  // also by its old key
  // User zero: its tagged one.
  const Node* find_node(const MachinePublicKey& machine, UserId user) const;
  const Node* find_node(const IpAddress& address) const;  // of either family
  const Node* find_node(const std::string& name) const;
  const Node* find_hub() const;
  // Null: the node is no device, or what it has beside was set aside; it is then not carried.
  const Device* find_device(NodeId node) const;
  // Whether any node is this machine's.
  bool has_machine(const MachinePublicKey& machine) const;
  const AddressLease* find_address(const IpAddress& v4) const;
  const NameLease* find_name(const std::string& name) const;

  const std::map<UserId, User>& users() const { return users_; }

  const std::map<std::string, AuthKey>& auth_keys() const { return auth_keys_; }

  const std::map<NodeId, Node>& nodes() const { return nodes_; }

  const std::map<NodeId, Device>& devices() const { return devices_; }

  const std::unordered_map<IpAddress, AddressLease>& addresses() const { return addresses_; }

  const std::unordered_map<std::string, NameLease>& names() const { return names_; }

  bool operator==(const Tables& other) const;

 private:
  void apply_row(const RowChange<User>& change);
  void apply_row(const RowChange<AuthKey>& change);
  void apply_row(const RowChange<Node>& change);
  void apply_row(const RowChange<Device>& change);
  void apply_row(const RowChange<AddressLease>& change);
  void apply_row(const RowChange<NameLease>& change);

  std::map<UserId, User> users_;
  std::map<std::string, AuthKey> auth_keys_;
  std::map<NodeId, Node> nodes_;
  std::map<NodeId, Device> devices_;
  std::unordered_map<IpAddress, AddressLease> addresses_;
  std::unordered_map<std::string, NameLease> names_;
  // Indexes.
  std::unordered_map<std::string, UserId> user_by_login_;
  std::unordered_map<NodePublicKey, NodeId> node_by_key_;
  // User zero: the machine's tagged node. Devices have no machine.
  std::map<std::pair<MachinePublicKey, UserId>, NodeId> node_by_machine_;
  std::optional<NodeId> hub_;
};

}  // namespace warren::netmap
