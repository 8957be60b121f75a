#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/log.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/keys.h"
#include "crypto/packet_cipher.h"
#include "io/tun_device.h"
#include "plain/names.h"

namespace warren::plain {

struct RunOptions {
  std::string device;
  // None: the device is left to `wg` and wg-quick, and its deletion is the normal end.
  std::optional<std::string> config_path;
  CipherChoice cipher = CipherChoice::Auto;
  io::TunOffloadChoice tun_offloads = io::TunOffloadChoice::Auto;
  bool udp_gso = true;
  bool udp_gro = true;
  std::string ledger_directory{kLedgerDirectory};
  std::string socket_directory{kSocketDirectory};
};

// A device that is up.
struct Ready {
  std::string device;
  std::uint16_t listen_port = 0;
  NodePublicKey public_key;  // all zero: the device has no key yet
};

// Runs a plain WireGuard device: from a wg-quick file or for wg-quick, until SIGINT or SIGTERM (a
// second one ends the process at once) or until the device is gone. SIGHUP reads the file again.
// Whatever outlives the process is undone at the end, or by the next start (ledger.h).
//
// `ready` is called once, when the device can be used. Blocks; one thread and those of the tunnel.
Result<void> run(const RunOptions& options,
                 Random& random,
                 const WallClock& wall_clock,
                 Log& log,
                 const std::function<void(const Ready&)>& ready);

}  // namespace warren::plain
