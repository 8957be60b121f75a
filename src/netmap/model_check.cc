#include <algorithm>
#include <type_traits>
#include <variant>

#include <fmt/format.h>

#include "netmap/addresses.h"
#include "netmap/model.h"
#include "netmap/names.h"
#include "netmap/tags.h"

// What a row must be, when it is loaded and always.
namespace warren::netmap {
namespace {

template <class... Args>
std::unexpected<Error> broken(fmt::format_string<Args...> format, Args&&... args) {
  return fail(Errc::InvalidArgument, fmt::format(format, std::forward<Args>(args)...));
}

bool are_tags(const std::vector<std::string>& tags) {
  const auto same = to_tags(tags);
  return same && *same == tags;
}

}  // namespace

Result<void> Model::check_owner(const Owner& owner) const {
  const bool has_user = owner.user.value != 0;
  if (has_user == owner.is_tagged()) {
    return fail(Errc::InvalidArgument, "it belongs to a user or has tags: one of the two");
  }
  if (has_user) {
    if (tables_.find_user(owner.user) == nullptr) return fail(Errc::NotFound, "its owner is gone");
    return {};
  }
  if (std::ranges::find(owner.tags, kHubTag) != owner.tags.end()) {
    return fail(Errc::PermissionDenied, fmt::format("{} is the server's own", kHubTag));
  }
  if (!are_tags(owner.tags)) {
    return fail(Errc::InvalidArgument, "its tags are none, not sorted, or there twice");
  }
  return {};
}

Result<void> Model::check_node(const Node& node) const {
  if (node.kind == NodeKind::Hub) {
    if (node.owner != Owner{.user = {}, .tags = {std::string(kHubTag)}}) {
      return fail(Errc::InvalidArgument, "the hub is somebody's");
    }
    if (tables_.find_hub() != nullptr) return fail(Errc::AlreadyExists, "there is a hub already");
  } else {
    WARREN_TRY_VOID(check_owner(node.owner));
  }
  if (!is_label(node.name)) return fail(Errc::InvalidArgument, "its name is no DNS label");
  if (!node.v4.is_v4() || !may_be_leased(node.v4)) {
    return fail(Errc::InvalidArgument, "its address is outside the network's range");
  }
  if (node.kind != NodeKind::Mesh && node.is_ephemeral) {
    return fail(Errc::InvalidArgument, "it is ephemeral, which only machines are");
  }
  const bool is_device = node.kind == NodeKind::Device;
  if (node.key.is_zero() || node.machine.is_zero() != is_device) {
    return fail(Errc::InvalidArgument, "it has no key, or is a device with a machine's");
  }
  if (is_device && (node.key_expiry || node.old_key)) {
    return fail(Errc::InvalidArgument, "it is a device with what only machines have");
  }
  if (tables_.find_node(node.id) != nullptr || tables_.find_node(node.key) != nullptr ||
      (node.old_key && tables_.find_node(*node.old_key) != nullptr) ||
      (!is_device && tables_.find_node(node.machine, node.owner.user) != nullptr)) {
    return fail(Errc::AlreadyExists, "its number or a key of it is another node's");
  }
  const AddressLease* const address = tables_.find_address(node.v4);
  const NameLease* const name = tables_.find_name(node.name);
  if (address == nullptr || address->node != node.id || name == nullptr || name->node != node.id) {
    return fail(Errc::AlreadyExists, "its address or name is not its own");
  }
  return {};
}

Result<void> Model::check_loaded(const Device& device) const {
  const Node* const node = tables_.find_node(device.node);
  if (node == nullptr || node->kind != NodeKind::Device) {
    return fail(Errc::NotFound, "it is of no node, or of one that is no device");
  }
  if (tables_.find_device(device.node) != nullptr) {
    return fail(Errc::AlreadyExists, "it is there twice");
  }
  return {};
}

Result<void> Model::load(const Change& row) {
  const auto problem = std::visit(
      [this](const auto& change) -> Result<void> {
        using Row = std::decay_t<decltype(*change.after)>;
        const Row& after = *change.after;
        if constexpr (std::is_same_v<Row, User>) {
          if (!is_login(after.login)) return fail(Errc::InvalidArgument, "its login is none");
          if (tables_.find_user(after.id) != nullptr || tables_.find_user(after.login) != nullptr) {
            return fail(Errc::AlreadyExists, "its number or login is another user's");
          }
        } else if constexpr (std::is_same_v<Row, AuthKey>) {
          return check_owner(after.owner);
        } else if constexpr (std::is_same_v<Row, Node>) {
          return check_node(after);
        } else if constexpr (std::is_same_v<Row, Device>) {
          return check_loaded(after);
        }
        return {};
      },
      row);
  if (!problem) return problem;
  tables_.apply(row);
  return {};
}

Result<void> Model::check() const {
  for (const auto& [id, node] : tables_.nodes()) {
    const AddressLease* const address = tables_.find_address(node.v4);
    if (address == nullptr || address->node != id || address->released) {
      return broken("node {} has no lease of {}", node.name, node.v4.to_string());
    }
    const NameLease* const name = tables_.find_name(node.name);
    if (name == nullptr || name->node != id || name->released || name->user != node.owner.user) {
      return broken("node {} has no lease of its name", id.value);
    }
    if (node.kind == NodeKind::Hub ? tables_.find_hub() != &node
                                   : !check_owner(node.owner).has_value()) {
      return broken("node {} has no owner, or is a second hub", node.name);
    }
    if (tables_.find_node(node.key) != &node) {
      return broken("node {} is not found by its key", node.name);
    }
    const bool is_device = node.kind == NodeKind::Device;
    if (!is_device && tables_.find_node(node.machine, node.owner.user) != &node) {
      return broken("node {} is not found by its machine", node.name);
    }
    if (is_device != node.machine.is_zero() || is_device != (tables_.find_device(id) != nullptr)) {
      return broken("node {} is half a device", node.name);
    }
    if (is_device && (node.key_expiry || node.old_key || node.is_ephemeral)) {
      return broken("device {} has what only machines have", node.name);
    }
  }
  for (const auto& [id, device] : tables_.devices()) {
    if (tables_.find_node(id) == nullptr) return broken("device {} is no node", id.value);
  }
  for (const auto& [id, key] : tables_.auth_keys()) {
    if (!key.is_reusable && key.uses > 1) return broken("auth key {} was used twice", id);
    if (!check_owner(key.owner)) return broken("auth key {} has no owner", id);
  }
  return {};
}

}  // namespace warren::netmap
