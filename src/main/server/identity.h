#pragma once

#include <string>

#include "base/random.h"
#include "base/result.h"
#include "crypto/keys.h"

namespace warren::server {

// By what others know this server. Made at the first start and kept in the state directory, each in
// a file of its own with mode 0600: nodes that joined know the keys, so they never change.
struct Identity {
  MachinePrivateKey control_key;  // of the Noise handshake (spec: control section 2.5)
  RelayPrivateKey relay_key;
  bool is_new = false;
};

Result<Identity> load_identity(const std::string& state_dir, Random& random);

}  // namespace warren::server
