#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/keys.h"
#include "crypto/noise_ik.h"
#include "io/byte_stream.h"
#include "io/run_blocking.h"
#include "io/tls_client.h"
#include "node/os/host_lookup.h"
#include "proto/control/server_url.h"

namespace warren::node {

using control::Leg;
using control::ServerUrl;

inline constexpr Duration kDialLimit = 10s;        // of an attempt (spec: control section 2.1)
inline constexpr Duration kOtherLegDelay = 500ms;  // as stock clients (same section)

// What dialling takes; all outlive the dial.
struct ControlDialTools {
  const HostLookup& hosts;
  io::BlockingPool& lookups;
  io::TlsContext& tls;
  Random& random;
  const MachinePrivateKey& machine_key;
  std::uint32_t mark = 0;  // SO_MARK; 0: none
};

// After the Noise handshake: records follow.
struct DialedControl {
  std::unique_ptr<io::ByteStream> stream;
  NoiseKeys keys;
  std::vector<std::uint8_t> received;  // records that came with the server's answer
  MachinePublicKey server_key;
  Leg leg = Leg::Tls;
};

// One attempt to reach the server, at most until the deadline (spec: control sections 2.1 to 2.5).
//
// Its key is `server_key`, or what it says itself at /key, over TLS with a certificate that is
// checked; only where the URL says http:// there is nothing to check. Then both legs race: the
// preferred one starts, the other one follows after kOtherLegDelay or when the first has failed;
// the first to end its Noise handshake wins and the other one is closed. Certificates do not matter
// there: Noise tells who answers.
//
// An error is a sentence for whoever wants to join: what failed, and what to do. The task that
// awaits this is set not to throw when it is cancelled: it gets an error.
boost::asio::awaitable<Result<DialedControl>> dial_control(
    ControlDialTools tools,
    ServerUrl url,
    std::optional<MachinePublicKey> server_key,
    TimePoint deadline);

}  // namespace warren::node
