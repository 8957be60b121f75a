#pragma once

#include "crypto/keys.h"

// The answer to GET /key (spec: control section 2.2).
namespace warren::control {

struct KeyResponse {
  MachinePublicKey legacy_public_key;  // zero
  MachinePublicKey public_key;         // the server's Noise key

  bool operator==(const KeyResponse&) const = default;
};

}  // namespace warren::control
