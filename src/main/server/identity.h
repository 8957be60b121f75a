#pragma once

#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/keys.h"
#include "io/tls_certificate.h"
#include "main/server/config.h"

namespace warren::server {

// By what others know this server. Made at the first start and kept in the state directory, each in
// a file of its own with mode 0600: nodes that joined know the keys, so they never change.
struct Identity {
  MachinePrivateKey control_key;  // of the Noise handshake (spec: control section 2.5)
  RelayPrivateKey relay_key;
  bool is_new = false;
};

Result<Identity> load_identity(const std::string& state_dir, Random& random);

struct Certificate {
  io::TlsCertificate tls;
  bool is_own = false;  // self-signed: nodes know it by its fingerprint
};

// From the files of the configuration, or our own for `names`, which is kept.
Result<Certificate> load_certificate(const Config& config,
                                     const std::vector<std::string>& names,
                                     WallTime now);

}  // namespace warren::server
