#include <fmt/format.h>

#include "netmap/addresses.h"
#include "netmap/model.h"
#include "netmap/model_change.h"
#include "netmap/names.h"

namespace warren::netmap {
namespace {

constexpr std::size_t kStableIdLength = 12;  // spec: server section 1.2

std::unexpected<Error> no_such_node() {
  return fail(Errc::NotFound, "there is no such node");
}

}  // namespace

Result<Admission> Model::admit_by_key(const Machine& machine,
                                      std::string_view secret,
                                      WallTime now,
                                      Changes& out) {
  const Node* const known = tables_.find_node(machine.node_key);
  const bool is_same = known != nullptr && known->machine == machine.key &&
                       known->key == machine.node_key && !known->is_expired(now);
  const auto key = usable_key(secret, now);
  // Containers start again with one-time keys that are used up (spec: control section 11 item 8).
  if (is_same && (!key || (*key)->user == known->user)) {
    return Admission{.node = known->id, .use = KeyUse::Kept};
  }
  if (!key) return unexpected(key.error());
  WARREN_TRY(const Admission admission, admit(machine, (*key)->user, *key, now, out));
  AuthKey after = **key;
  ++after.uses;
  change<AuthKey>(*key, after, out);
  return admission;
}

Result<Admission> Model::admit_for_user(const Machine& machine,
                                        UserId user,
                                        WallTime now,
                                        Changes& out) {
  if (tables_.find_user(user) == nullptr) return fail(Errc::NotFound, "there is no such user");
  return admit(machine, user, nullptr, now, out);
}

Result<Admission> Model::admit(
    const Machine& machine, UserId user, const AuthKey* key, WallTime now, Changes& out) {
  const Node* const holder = tables_.find_node(machine.node_key);
  const Node* const existing = tables_.find_node(machine.key, user);
  // Or somebody could take over another's node by naming its public key (demand S5).
  if (holder != nullptr && holder != existing) {
    return fail(Errc::PermissionDenied, "this node key belongs to another node");
  }
  if (existing == nullptr) {
    WARREN_TRY(const NodeId id, create_node(machine, user, key, now, out));
    return Admission{.node = id, .use = KeyUse::Created};
  }
  Node after = *existing;
  after.old_key.reset();
  if (existing->key != machine.node_key && !existing->is_expired(now)) {
    after.old_key = existing->key;
  }
  after.key = machine.node_key;
  after.key_expiry = new_key_expiry(now);
  const NodeId id = existing->id;
  change<Node>(existing, after, out);
  WARREN_TRY_VOID(set_hostname(id, machine.hostname, now, out));
  return Admission{.node = id, .use = KeyUse::Renewed};
}

Result<NodeId> Model::create_node(
    const Machine& machine, UserId user, const AuthKey* key, WallTime now, Changes& out) {
  if (tables_.nodes().size() >= settings_.max_nodes) {
    return fail(Errc::Unavailable,
                fmt::format("the network is full: {} nodes", settings_.max_nodes));
  }
  const auto address = find_free_address(now);
  if (!address) return fail(Errc::Unavailable, "no address is free");
  Node node;
  node.id = ids_.next_node();
  node.stable_id = "n" + random_base58(kStableIdLength, random_);
  node.machine = machine.key;
  node.key = machine.node_key;
  node.user = user;
  node.hostname = machine.hostname.substr(0, kMaxHostname);
  node.v4 = *address;
  node.is_ephemeral = machine.wants_ephemeral || (key != nullptr && key->is_ephemeral);
  if (key != nullptr) node.auth_key_id = key->id;
  node.key_expiry = new_key_expiry(now);
  node.created = now;
  node.name = find_free_name(node.hostname, node, now);
  lease_address(node, out);
  lease_name(node.name, node, out);
  change<Node>(nullptr, node, out);
  return node.id;
}

Result<void> Model::shorten_key(NodeId id, WallTime until, Changes& out) {
  const Node* const node = tables_.find_node(id);
  if (node == nullptr) return no_such_node();
  if (node->key_expiry && *node->key_expiry < until) {
    return fail(Errc::PermissionDenied, "a machine cannot make its own key last longer");
  }
  return set_key_expiry(id, until, out);
}

Result<void> Model::set_key_expiry(NodeId id, std::optional<WallTime> expiry, Changes& out) {
  const Node* const node = tables_.find_node(id);
  if (node == nullptr) return no_such_node();
  Node after = *node;
  after.key_expiry = expiry;
  change<Node>(node, after, out);
  return {};
}

void Model::forget_old_key(NodeId id, Changes& out) {
  const Node* const node = tables_.find_node(id);
  if (node == nullptr) return;
  Node after = *node;
  after.old_key.reset();
  change<Node>(node, after, out);
}

Result<void> Model::set_hostname(NodeId id, std::string_view hostname, WallTime now, Changes& out) {
  const Node* const node = tables_.find_node(id);
  if (node == nullptr) return no_such_node();
  hostname = hostname.substr(0, kMaxHostname);
  if (hostname.empty() || hostname == node->hostname) return {};
  Node after = *node;
  after.hostname = hostname;
  if (!node->is_name_fixed) {
    after.name = find_free_name(after.hostname, *node, now);
    if (after.name != node->name) {
      release_name(node->name, now, out);
      lease_name(after.name, *node, out);
    }
  }
  change<Node>(node, after, out);
  return {};
}

Result<void> Model::rename_node(NodeId id, std::string_view name, WallTime now, Changes& out) {
  const Node* const node = tables_.find_node(id);
  if (node == nullptr) return no_such_node();
  if (!is_label(name)) {
    return fail(Errc::InvalidArgument,
                fmt::format("\"{}\" is no name: up to 63 of a-z, 0-9 and '-', not at the ends",
                            name.substr(0, kMaxHostname)));
  }
  Node after = *node;
  after.name = name;
  after.is_name_fixed = true;
  if (after.name != node->name) {
    if (!is_name_free(after.name, *node, now)) {
      return fail(Errc::AlreadyExists,
                  fmt::format("the name {} is in use, or was until lately", name));
    }
    release_name(node->name, now, out);
    lease_name(after.name, *node, out);
  }
  change<Node>(node, after, out);
  return {};
}

Result<void> Model::delete_node(NodeId id, WallTime now, Changes& out) {
  const Node* const node = tables_.find_node(id);
  if (node == nullptr) return no_such_node();
  release_name(node->name, now, out);
  const AddressLease* const lease = tables_.find_address(node->v4);
  WARREN_CHECK(lease != nullptr);
  AddressLease released = *lease;
  released.released = now;
  change<AddressLease>(lease, released, out);
  change<Node>(node, std::nullopt, out);
  return {};
}

Result<void> Model::check_node(const Node& node) const {
  if (tables_.find_user(node.user) == nullptr) return fail(Errc::NotFound, "its owner is gone");
  if (!is_label(node.name)) return fail(Errc::InvalidArgument, "its name is no DNS label");
  if (!node.v4.is_v4() || !may_be_leased(node.v4)) {
    return fail(Errc::InvalidArgument, "its address is outside the network's range");
  }
  if (node.key.is_zero() || node.machine.is_zero()) {
    return fail(Errc::InvalidArgument, "it has no key");
  }
  if (tables_.find_node(node.id) != nullptr || tables_.find_node(node.key) != nullptr ||
      (node.old_key && tables_.find_node(*node.old_key) != nullptr) ||
      tables_.find_node(node.machine, node.user) != nullptr) {
    return fail(Errc::AlreadyExists, "its number or a key of it is another node's");
  }
  const AddressLease* const address = tables_.find_address(node.v4);
  const NameLease* const name = tables_.find_name(node.name);
  if (address == nullptr || address->node != node.id || name == nullptr || name->node != node.id) {
    return fail(Errc::AlreadyExists, "its address or name is not its own");
  }
  return {};
}

std::optional<WallTime> Model::new_key_expiry(WallTime now) const {
  if (!settings_.node_key_duration) return std::nullopt;
  return now.after(*settings_.node_key_duration);
}

}  // namespace warren::netmap
