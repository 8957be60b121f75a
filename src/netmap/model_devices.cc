#include <fmt/format.h>

#include "netmap/model.h"
#include "netmap/model_change.h"
#include "netmap/names.h"

// Plain WireGuard devices, which an admin adds.
namespace warren::netmap {
namespace {

std::unexpected<Error> no_such_device() {
  return fail(Errc::NotFound, "there is no such device");
}

Result<void> check_expiry(std::optional<WallTime> expires, WallTime now) {
  if (!expires || *expires > now) return {};
  return fail(Errc::InvalidArgument, "the device would have expired already");
}

}  // namespace

Result<void> Model::check_device_key(const NodePublicKey& key, NodeId device) const {
  if (key.is_zero()) return fail(Errc::InvalidArgument, "the key is all zero: it is none");
  const Node* const holder = tables_.find_node(key);
  if (holder == nullptr || holder->id == device) return {};
  return fail(Errc::AlreadyExists,
              fmt::format("this key is {}'s: each device needs one of its own", holder->name));
}

Result<NodeId> Model::create_device(const DeviceWish& wish, WallTime now, Changes& out) {
  WARREN_TRY_VOID(check_owner(wish.owner));
  WARREN_TRY_VOID(check_name(wish.name));
  WARREN_TRY_VOID(check_device_key(wish.key, NodeId()));
  WARREN_TRY_VOID(check_expiry(wish.expires, now));
  if (tables_.devices().size() >= settings_.max_devices) {
    return fail(Errc::Unavailable,
                fmt::format("there are {} devices already", settings_.max_devices));
  }
  WARREN_TRY(Node node, new_node(wish.owner, wish.key, now));
  node.kind = NodeKind::Device;
  node.hostname = wish.name;
  node.name = wish.name;
  node.is_name_fixed = true;
  if (!is_name_free(node.name, node, now)) return name_is_taken(node.name);
  insert(node, out);
  change<Device>(nullptr, Device{.node = node.id, .is_disabled = false, .expires = wish.expires},
                 out);
  return node.id;
}

Result<void> Model::set_device_disabled(NodeId id, bool is_disabled, Changes& out) {
  const Device* const device = tables_.find_device(id);
  if (device == nullptr) return no_such_device();
  Device after = *device;
  after.is_disabled = is_disabled;
  change<Device>(device, after, out);
  return {};
}

Result<void> Model::disable_device(NodeId id, Changes& out) {
  return set_device_disabled(id, true, out);
}

Result<void> Model::enable_device(NodeId id, Changes& out) {
  return set_device_disabled(id, false, out);
}

Result<void> Model::set_device_expiry(NodeId id,
                                      std::optional<WallTime> expires,
                                      WallTime now,
                                      Changes& out) {
  const Device* const device = tables_.find_device(id);
  if (device == nullptr) return no_such_device();
  WARREN_TRY_VOID(check_expiry(expires, now));
  Device after = *device;
  after.expires = expires;
  change<Device>(device, after, out);
  return {};
}

Result<void> Model::set_device_key(NodeId id, const NodePublicKey& key, Changes& out) {
  const Node* const node = tables_.find_node(id);
  if (node == nullptr || node->kind != NodeKind::Device) return no_such_device();
  WARREN_TRY_VOID(check_device_key(key, id));
  Node after = *node;
  after.key = key;
  change<Node>(node, after, out);
  return {};
}

}  // namespace warren::netmap
