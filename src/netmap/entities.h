#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/time.h"
#include "crypto/keys.h"
#include "crypto/sha256.h"
#include "netmap/ids.h"

// The rows of the coordination model that must survive (hard state; spec: server section 1.1). What
// a node says again by itself is in soft_state.h.
namespace warren::netmap {

struct User {
  UserId id;
  std::string login;  // unique among users
  std::string display_name;
  WallTime created;

  bool operator==(const User&) const = default;
};

// Whose a node is: a user's, or the network's own, known by its tags. Never both, never neither.
struct Owner {
  UserId user;                    // zero: tagged
  std::vector<std::string> tags;  // sorted, each once (tags.h)

  static Owner of(UserId user) { return {.user = user, .tags = {}}; }

  bool is_tagged() const { return !tags.empty(); }

  bool operator==(const Owner&) const = default;
};

// Admits machines without asking anybody.
struct AuthKey {
  std::string id;
  Sha256Hash hash{};
  Owner owner;  // of the nodes that come with it
  std::string description;
  bool is_reusable = false;
  bool is_ephemeral = false;  // so are its nodes
  WallTime created;
  std::optional<WallTime> expires;
  std::optional<WallTime> revoked;
  std::uint64_t uses = 0;

  bool operator==(const AuthKey&) const = default;
};

enum class NodeKind : std::uint8_t {
  Mesh,    // a machine that joined
  Device,  // plain WireGuard, behind the hub
  Hub,     // the server's own node, which carries the devices; one at most
};

struct Node {
  NodeId id;
  NodeKind kind = NodeKind::Mesh;
  std::string stable_id;
  MachinePublicKey machine;  // zero: a device, which never talks to us
  NodePublicKey key;         // of a device: its WireGuard key
  // The one before, while the machine may still use it (spec: control section 11 item 29).
  std::optional<NodePublicKey> old_key;
  Owner owner;
  std::string hostname;        // what the machine calls itself
  std::string name;            // its label in the network, unique
  bool is_name_fixed = false;  // by the admin: a new hostname does not change it
  IpAddress v4;                // the IPv6 address follows from it (addresses.h)
  bool is_ephemeral = false;   // goes when it has been offline for a while
  std::string auth_key_id;     // that it came with; empty: a person approved it
  std::optional<WallTime> key_expiry;
  WallTime created;

  bool is_expired(WallTime now) const { return key_expiry && *key_expiry <= now; }

  bool operator==(const Node&) const = default;
};

// What a node of the kind Device has beside.
struct Device {
  NodeId node;
  bool is_disabled = false;
  std::optional<WallTime> expires;  // none: never

  // Whether the hub carries it.
  bool is_active(WallTime now) const { return !is_disabled && (!expires || *expires > now); }

  bool operator==(const Device&) const = default;
};

// An address or name that is, or lately was, somebody's. Kept for a while after the owner went, so
// that nobody gets what others still take for somebody else.
struct AddressLease {
  IpAddress v4;
  NodeId node;
  std::optional<WallTime> released;

  bool operator==(const AddressLease&) const = default;
};

struct NameLease {
  std::string name;
  NodeId node;
  UserId user;  // may have it again at once; zero: any tagged node, they are all the network's
  std::optional<WallTime> released;

  bool operator==(const NameLease&) const = default;
};

}  // namespace warren::netmap
