#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/json_raw.h"
#include "base/tagged.h"
#include "crypto/keys.h"

// What the types of the control protocol have in common.
namespace warren::control {

// Positive; never used again after a node's deletion (spec: control section 7.1). 0: none.
using NodeId = TaggedNumber<struct NodeIdTag, std::int64_t>;
using UserId = TaggedNumber<struct UserIdTag, std::int64_t>;

// What a program can do, as one growing number (spec: control section 8). It has 16 bits because
// the Noise handshake carries it. 0: unknown.
using CapVersion = TaggedNumber<struct CapVersionTag, std::uint16_t>;

// Capabilities by name, each with its arguments, which may be none (spec: control section 9).
using CapMap = std::map<std::string, std::vector<json::Raw>>;

using Bytes = std::vector<std::uint8_t>;

// The tailnet-lock key of a node, Ed25519. Kept and passed on, not used.
using LockPublicKey = PublicKey<struct LockKeyTag>;

}  // namespace warren::control
