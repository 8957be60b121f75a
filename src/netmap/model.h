#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "netmap/changes.h"
#include "netmap/secret_text.h"
#include "netmap/tables.h"

namespace warren::netmap {

// What a network's owner may set. Sources: spec server section 7.1.
struct Settings {
  std::optional<std::chrono::hours> node_key_duration = std::chrono::days(180);  // none: for ever
  std::size_t max_nodes = 20'000;
  std::size_t max_users = 10'000;
  std::size_t max_auth_keys = 10'000;
  std::size_t max_devices = 1'000;  // ours: the hub's entry, which all nodes get, names each
};

// How long a released address or name is nobody's (spec: server section 1.3 item 2). A name goes
// back to its former owner at once.
inline constexpr std::chrono::hours kAddressQuarantine{48};
inline constexpr std::chrono::hours kNameQuarantine = std::chrono::days(7);

// Hands out row numbers; those of a process come from blocks that are durable before use (spec:
// server section 1.2).
class IdSource {
 public:
  IdSource() = default;
  IdSource(const IdSource&) = delete;
  IdSource& operator=(const IdSource&) = delete;
  virtual ~IdSource() = default;
  virtual UserId next_user() = 0;
  virtual NodeId next_node() = 0;
};

struct AuthKeyWish {
  Owner owner;
  std::string description;
  bool is_reusable = false;
  bool is_ephemeral = false;
  std::optional<std::chrono::seconds> lifetime;  // none: for ever
};

struct NewAuthKey {
  std::string id;
  std::string secret;  // the only time that it is there
};

// What a machine says of itself when it registers.
struct Machine {
  MachinePublicKey key;
  NodePublicKey node_key;
  std::string hostname;
  bool wants_ephemeral = false;
  // The node key before this one, as it says: when a node of a user is to be tagged, or the other
  // way round, this is the one.
  NodePublicKey old_key = {};
  std::vector<std::string> requested_tags = {};
};

// A plain WireGuard device that an admin adds.
struct DeviceWish {
  std::string name;
  Owner owner;
  NodePublicKey key;
  std::optional<WallTime> expires;
};

enum class KeyUse : std::uint8_t {
  Kept,     // nothing changed
  Renewed,  // the machine's node lives on, with another node key or a later expiry
  Created,  // a new node
};

struct Admission {
  NodeId node;
  KeyUse use = KeyUse::Kept;
};

// The authoritative model of one network (spec: server section 1). Commands check everything,
// change the tables at once, and append what they changed to `out`; a command that fails changed
// nothing. The caller makes the changes durable before it tells anybody, or takes them back with
// undo().
//
// No clock, no I/O, no randomness but what is given. One strand.
class Model {
 public:
  // Both outlive the model.
  Model(const Settings& settings, IdSource& ids, Random& random);

  const Tables& tables() const { return tables_; }

  // A row from the store, before any command. Refused when it breaks an invariant: the caller sets
  // it aside (spec: server section 2.4, demand R10).
  Result<void> load(const Change& row);

  void undo(const Changes& changes) { tables_.undo(changes); }

  // --- people
  Result<UserId> create_user(std::string_view login,
                             std::string_view display_name,
                             WallTime now,
                             Changes& out);
  Result<void> rename_user(UserId user, std::string_view login, Changes& out);
  // Refused while the user has nodes: whose are they to be?
  Result<void> delete_user(UserId user, Changes& out);

  // --- auth keys
  Result<NewAuthKey> create_auth_key(const AuthKeyWish& wish, WallTime now, Changes& out);
  Result<void> revoke_auth_key(const std::string& id, WallTime now, Changes& out);

  // --- nodes
  // With an auth key. A machine that comes back with the node key that it has needs no valid key
  // (spec: control section 4.4). The errors are shown to whoever runs `up`.
  Result<Admission> admit_by_key(const Machine& machine,
                                 std::string_view secret,
                                 WallTime now,
                                 Changes& out);
  // A person approved it, and the tags that it asks for with it: `owner` has those, or is a user.
  Result<Admission> admit_for(const Machine& machine,
                              const Owner& owner,
                              WallTime now,
                              Changes& out);
  // The server's own node, without a key: the caller knows the machine. There is one hub; one that
  // lost its state takes its place over, with address and name.
  Result<Admission> admit_hub(const Machine& machine, WallTime now, Changes& out);
  // The machine itself wishes an earlier end of its key, or logs out (now).
  Result<void> shorten_key(NodeId node, WallTime until, Changes& out);
  // Of an admin: any time from now on, or none.
  Result<void> set_key_expiry(NodeId node, std::optional<WallTime> expiry, Changes& out);
  // The machine has shown that it uses its new key.
  void forget_old_key(NodeId node, Changes& out);
  // What the machine calls itself; its name follows unless an admin chose one.
  Result<void> set_hostname(NodeId node, std::string_view hostname, WallTime now, Changes& out);
  Result<void> rename_node(NodeId node, std::string_view name, WallTime now, Changes& out);
  // A tagged node's key does not expire; one that had expired stays so.
  Result<void> set_owner(NodeId node, const Owner& owner, WallTime now, Changes& out);
  // Devices too. Refused for a hub that has devices.
  Result<void> delete_node(NodeId node, WallTime now, Changes& out);

  // --- devices (model_devices.cc)
  Result<NodeId> create_device(const DeviceWish& wish, WallTime now, Changes& out);
  Result<void> disable_device(NodeId node, Changes& out);
  Result<void> enable_device(NodeId node, Changes& out);
  Result<void> set_device_expiry(NodeId node,
                                 std::optional<WallTime> expires,
                                 WallTime now,
                                 Changes& out);
  Result<void> set_device_key(NodeId node, const NodePublicKey& key, Changes& out);

  // Every invariant of spec server section 1.3 that the tables can break; the first that does not
  // hold. For tests and `warren admin check`.
  Result<void> check() const;

 private:
  template <class Row>
  void change(const Row* before, std::optional<Row> after, Changes& out);
  Result<const AuthKey*> usable_key(std::string_view secret, WallTime now) const;
  Result<Admission> admit(
      const Machine& machine, const Owner& owner, const AuthKey* key, WallTime now, Changes& out);
  const Node* find_existing(const Machine& machine, const Owner& owner) const;
  // What all kinds have in common; the key is nobody's yet.
  Result<Node> new_node(const Owner& owner, const NodePublicKey& key, WallTime now);
  void insert(const Node& node, Changes& out);
  Result<NodeId> create_node(
      const Machine& machine, const Owner& owner, const AuthKey* key, WallTime now, Changes& out);
  Result<void> check_owner(const Owner& owner) const;
  Result<void> check_node(const Node& node) const;
  Result<void> check_loaded(const Device& device) const;
  Result<void> check_device_key(const NodePublicKey& key, NodeId device) const;
  Result<void> set_device_disabled(NodeId node, bool is_disabled, Changes& out);
  // Marks the search's place.
  std::optional<IpAddress> find_free_address(WallTime now);
  std::string find_free_name(std::string_view hostname, const Node& owner, WallTime now) const;
  bool is_name_free(const std::string& name, const Node& owner, WallTime now) const;
  void lease_address(const Node& owner, Changes& out);
  void lease_name(const std::string& name, const Node& owner, Changes& out);
  void release_name(const std::string& name, WallTime now, Changes& out);
  std::optional<WallTime> new_key_expiry(const Owner& owner, WallTime now) const;

  Settings settings_;
  IdSource& ids_;
  Random& random_;
  Tables tables_;
  std::size_t next_address_ = 1;  // where the search for a free one goes on
};

}  // namespace warren::netmap
