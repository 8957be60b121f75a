#include <fmt/format.h>

#include "netmap/addresses.h"
#include "netmap/model.h"
#include "netmap/model_change.h"
#include "netmap/names.h"

namespace warren::netmap {
namespace {

std::unexpected<Error> no_such_node() {
  return fail(Errc::NotFound, "there is no such node");
}

}  // namespace

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
  if (node->kind == NodeKind::Device) {
    return fail(Errc::InvalidArgument, fmt::format("{} is a device: its key does not expire by "
                                                   "itself, but it can be disabled",
                                                   node->name));
  }
  Node after = *node;
  after.key_expiry = expiry;
  change<Node>(node, after, out);
  return {};
}

Result<void> Model::set_owner(NodeId id, const Owner& owner, WallTime now, Changes& out) {
  const Node* const node = tables_.find_node(id);
  if (node == nullptr) return no_such_node();
  if (node->kind == NodeKind::Hub) {
    return fail(Errc::PermissionDenied, "the hub is the server's own: it keeps its tag");
  }
  WARREN_TRY_VOID(check_owner(owner));
  if (node->kind == NodeKind::Mesh) {
    const Node* const other = tables_.find_node(node->machine, owner.user);
    if (other != nullptr && other != node) {
      return fail(Errc::AlreadyExists,
                  fmt::format("the same machine has such a node already, {}: remove one of the two",
                              other->name));
    }
  }
  Node after = *node;
  after.owner = owner;
  if (owner.is_tagged() && !node->is_expired(now)) after.key_expiry.reset();
  if (!owner.is_tagged() && node->owner.is_tagged() && node->kind == NodeKind::Mesh &&
      !node->key_expiry) {
    after.key_expiry = new_key_expiry(owner, now);
  }
  lease_name(after.name, after, out);
  change<Node>(tables_.find_node(id), after, out);
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
  WARREN_TRY_VOID(check_name(name));
  Node after = *node;
  after.name = name;
  after.is_name_fixed = true;
  if (after.name != node->name) {
    if (!is_name_free(after.name, *node, now)) return name_is_taken(after.name);
    release_name(node->name, now, out);
    lease_name(after.name, *node, out);
  }
  change<Node>(node, after, out);
  return {};
}

Result<void> Model::delete_node(NodeId id, WallTime now, Changes& out) {
  const Node* const node = tables_.find_node(id);
  if (node == nullptr) return no_such_node();
  if (node->kind == NodeKind::Hub && !tables_.devices().empty()) {
    return fail(Errc::Unavailable, fmt::format("the hub carries {} devices: remove them first",
                                               tables_.devices().size()));
  }
  change<Device>(tables_.find_device(id), std::nullopt, out);
  release_name(node->name, now, out);
  const AddressLease* const lease = tables_.find_address(node->v4);
  WARREN_CHECK(lease != nullptr);
  AddressLease released = *lease;
  released.released = now;
  change<AddressLease>(lease, released, out);
  change<Node>(node, std::nullopt, out);
  return {};
}

}  // namespace warren::netmap
