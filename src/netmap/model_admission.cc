#include <algorithm>

#include <fmt/format.h>

#include "netmap/model.h"
#include "netmap/model_change.h"
#include "netmap/names.h"
#include "netmap/tags.h"

// How nodes come in.
namespace warren::netmap {
namespace {

constexpr std::size_t kStableIdLength = 12;   // spec: server section 1.2
constexpr std::string_view kHubName = "hub";  // what people call it, whatever its host is called

// All requested tags or none (spec: policy section 6.7).
Result<Owner> owner_by(const AuthKey& key, const std::vector<std::string>& requested) {
  if (requested.empty()) return key.owner;
  for (const std::string& tag : requested) {
    if (std::ranges::find(key.owner.tags, tag) != key.owner.tags.end()) continue;
    return fail(Errc::PermissionDenied,
                fmt::format("the auth key {} does not allow {}: ask for one that does (`warren "
                            "admin key create --tag {}`), or do not advertise the tag",
                            key.id, tag, tag));
  }
  WARREN_TRY(auto tags, to_tags(requested));
  return Owner{.user = {}, .tags = std::move(tags)};
}

std::unexpected<Error> key_of_another() {
  return fail(Errc::PermissionDenied, "this node key belongs to another node");
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
  // Tags may have come from an admin since: a start takes none of them away.
  if (is_same && (!key || known->owner.is_tagged() || (*key)->owner.user == known->owner.user)) {
    return Admission{.node = known->id, .use = KeyUse::Kept};
  }
  if (!key) return unexpected(key.error());
  WARREN_TRY(const Owner owner, owner_by(**key, machine.requested_tags));
  WARREN_TRY(const Admission admission, admit(machine, owner, *key, now, out));
  AuthKey after = **key;
  ++after.uses;
  change<AuthKey>(*key, after, out);
  return admission;
}

Result<Admission> Model::admit_for(const Machine& machine,
                                   const Owner& owner,
                                   WallTime now,
                                   Changes& out) {
  WARREN_TRY_VOID(check_owner(owner));
  return admit(machine, owner, nullptr, now, out);
}

const Node* Model::find_existing(const Machine& machine, const Owner& owner) const {
  if (const Node* const same = tables_.find_node(machine.key, owner.user)) return same;
  for (const NodePublicKey& key : {machine.node_key, machine.old_key}) {
    const Node* const node = tables_.find_node(key);
    if (node != nullptr && node->machine == machine.key &&
        node->owner.is_tagged() != owner.is_tagged()) {
      return node;
    }
  }
  return nullptr;
}

Result<Admission> Model::admit(
    const Machine& machine, const Owner& owner, const AuthKey* key, WallTime now, Changes& out) {
  const Node* const holder = tables_.find_node(machine.node_key);
  const Node* const existing = find_existing(machine, owner);
  // Or somebody could take over another's node by naming its public key (demand S5).
  if (holder != nullptr && holder != existing) return key_of_another();
  if (existing == nullptr) {
    WARREN_TRY(const NodeId id, create_node(machine, owner, key, now, out));
    return Admission{.node = id, .use = KeyUse::Created};
  }
  if (existing->kind != NodeKind::Mesh) {
    return fail(Errc::PermissionDenied, "this machine is the server's own hub");
  }
  Node after = *existing;
  after.old_key.reset();
  if (existing->key != machine.node_key && !existing->is_expired(now)) {
    after.old_key = existing->key;
  }
  after.key = machine.node_key;
  after.owner = owner;
  after.key_expiry = new_key_expiry(owner, now);
  const NodeId id = existing->id;
  lease_name(after.name, after, out);
  change<Node>(existing, after, out);
  WARREN_TRY_VOID(set_hostname(id, machine.hostname, now, out));
  return Admission{.node = id, .use = KeyUse::Renewed};
}

Result<Admission> Model::admit_hub(const Machine& machine, WallTime now, Changes& out) {
  const Node* const hub = tables_.find_hub();
  const Node* const by_key = tables_.find_node(machine.node_key);
  const Node* const by_machine = tables_.find_node(machine.key, UserId());
  if ((by_key != nullptr && by_key != hub) || (by_machine != nullptr && by_machine != hub)) {
    return key_of_another();
  }
  if (hub == nullptr) {
    const Owner owner{.user = {}, .tags = {std::string(kHubTag)}};
    WARREN_TRY(Node node, new_node(owner, machine.node_key, now));
    node.kind = NodeKind::Hub;
    node.machine = machine.key;
    node.hostname = machine.hostname.substr(0, kMaxHostname);
    node.name = find_free_name(kHubName, node, now);
    node.is_name_fixed = true;
    insert(node, out);
    return Admission{.node = node.id, .use = KeyUse::Created};
  }
  Node after = *hub;
  after.machine = machine.key;
  after.key = machine.node_key;
  after.old_key.reset();
  after.key_expiry.reset();
  const bool is_same = after == *hub;
  const NodeId id = hub->id;
  change<Node>(hub, after, out);
  return Admission{.node = id, .use = is_same ? KeyUse::Kept : KeyUse::Renewed};
}

Result<Node> Model::new_node(const Owner& owner, const NodePublicKey& key, WallTime now) {
  if (tables_.nodes().size() >= settings_.max_nodes) {
    return fail(Errc::Unavailable,
                fmt::format("the network is full: {} nodes", settings_.max_nodes));
  }
  const auto address = find_free_address(now);
  if (!address) return fail(Errc::Unavailable, "no address is free");
  Node node;
  node.id = ids_.next_node();
  node.stable_id = "n" + random_base58(kStableIdLength, random_);
  node.key = key;
  node.owner = owner;
  node.v4 = *address;
  node.created = now;
  return node;
}

void Model::insert(const Node& node, Changes& out) {
  lease_address(node, out);
  lease_name(node.name, node, out);
  change<Node>(nullptr, node, out);
}

Result<NodeId> Model::create_node(
    const Machine& machine, const Owner& owner, const AuthKey* key, WallTime now, Changes& out) {
  WARREN_TRY(Node node, new_node(owner, machine.node_key, now));
  node.machine = machine.key;
  node.hostname = machine.hostname.substr(0, kMaxHostname);
  node.is_ephemeral = machine.wants_ephemeral || (key != nullptr && key->is_ephemeral);
  if (key != nullptr) node.auth_key_id = key->id;
  node.key_expiry = new_key_expiry(owner, now);
  node.name = find_free_name(node.hostname, node, now);
  insert(node, out);
  return node.id;
}

std::optional<WallTime> Model::new_key_expiry(const Owner& owner, WallTime now) const {
  if (owner.is_tagged() || !settings_.node_key_duration) return std::nullopt;
  return now.after(*settings_.node_key_duration);
}

}  // namespace warren::netmap
