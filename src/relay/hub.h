#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"
#include "base/tagged.h"
#include "base/time.h"
#include "crypto/keys.h"
#include "relay/fair_queue.h"
#include "relay/limits.h"
#include "relay/members.h"

namespace warren::relay {

// Never used twice.
using ConnectionId = TaggedNumber<struct ConnectionIdTag, std::uint64_t>;

enum class CloseReason : std::uint8_t {
  NotAdmitted,  // the key is no member's, or is none any more
  BadLogin,     // the first frame was not a ClientInfo that opens
  LoginTimeout,
  BadFrame,         // a size or content that the frame's type forbids
  Forbidden,        // a frame for relays of one mesh only
  HalfFrame,        // the rest of a frame did not come
  TooManyOfOneKey,  // the oldest of too many connections under one key
  NoMemory,         // all of Limits::slabs are in use
};

inline constexpr std::size_t kCloseReasons = 8;
std::string_view to_string(CloseReason reason);

// The connection has bytes to send: call fill() until it returns 0. Not repeated before that.
struct Wake {
  ConnectionId connection;

  bool operator==(const Wake&) const = default;
};

// Close the connection, then call on_closed(). It is out of every table already: nothing that it
// still sends is looked at.
struct Close {
  ConnectionId connection;
  CloseReason reason = CloseReason::BadFrame;

  bool operator==(const Close&) const = default;
};

using Action = std::variant<Wake, Close>;
using Actions = std::vector<Action>;

struct HubCounters {
  std::uint64_t connections = 0;  // accepted, ever
  std::uint64_t connections_refused = 0;
  std::uint64_t logins = 0;
  std::array<std::uint64_t, kCloseReasons> closed{};  // by CloseReason

  std::uint64_t packets_received = 0;
  std::uint64_t bytes_received = 0;  // of packets
  std::uint64_t packets_sent = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t disco_received = 0;
  std::uint64_t disco_demoted = 0;  // disco of one source that came too fast: went with the data
  std::uint64_t unknown_frames = 0;
  std::uint64_t not_here_sent = 0;

  // Dropped:
  std::uint64_t unknown_destination = 0;
  std::uint64_t too_many_flows = 0;
  std::uint64_t control_overflow = 0;  // our own frames to one that does not read
  QueueDrops disco;
  QueueDrops data;
};

// A relay without its sockets: who is connected, and where a packet goes (spec: paths section 2,
// data-plane section 6).
//
// A connection is a byte stream each way, behind TLS and the HTTP upgrade. It begins with our
// ServerKey. Its first frame must be a ClientInfo that opens, of a member's key, within
// Limits::login. Then we send ServerInfo, and the connection carries packets until it closes.
// Several connections may have one key: the newest, then whichever sent a frame last, gets the
// packets, and the others nothing but keepalives.
//
// Received bytes go where receive_buffer() says. A SendPacket becomes a RecvPacket where it lies,
// waits there by reference, and is copied once, by fill(), into the bytes to be sent. Whoever
// receives slowly loses its own packets (FairQueue); no call here waits, so nobody else is delayed.
// Probes (disco) go before data.
//
// The caller performs the actions after the call that gave them. One thread. Early or repeated
// on_timeout is harmless. Calls with the id of a connection that is gone do nothing. Nothing is
// allocated for a single packet. All tables are bounded (Limits).
class Hub {
 public:
  // `random` outlives the hub. Nobody is a member until set_members().
  Hub(RelayPrivateKey key, const Limits& limits, Random& random);
  ~Hub();

  const RelayPublicKey& public_key() const;

  // --- configuration
  // Closes the connections of those that are no longer members.
  void set_members(std::shared_ptr<const Members> members, Actions& out);
  // What every client is told is wrong with this relay; empty: nothing.
  void set_health(std::string problem, Actions& out);
  // Tells everyone to reconnect elsewhere or later, at a time drawn from [0, spread), and accepts
  // no more connections (demand R11).
  void restart(Duration spread, Duration try_for, Actions& out);

  // --- connections
  // None when there are too many, or after restart().
  std::optional<ConnectionId> on_connected(TimePoint now, Actions& out);
  // Where the connection's next bytes are received; never empty, unless it is to be closed.
  MutableByteView receive_buffer(ConnectionId connection, Actions& out);
  // The first `size` bytes of the buffer have been received.
  void on_received(ConnectionId connection, std::size_t size, TimePoint now, Actions& out);
  // There is nothing more to receive for now: gives back the buffer when it holds no half frame.
  void on_receive_idle(ConnectionId connection);
  // Writes what is to be sent next into `record`: whole frames where they fit. `record` is not
  // empty; 0: nothing to send until the next Wake.
  std::size_t fill(ConnectionId connection, MutableByteView record, TimePoint now);
  void on_closed(ConnectionId connection, Actions& out);

  // --- time
  void on_timeout(TimePoint now, Actions& out);
  TimePoint next_timeout() const;

  // --- for status and tests
  const HubCounters& counters() const;
  std::size_t connections() const;
  std::size_t peers() const;                            // keys that are logged in
  std::size_t flows() const;                            // pairs of source and destination
  std::size_t memory() const;                           // bytes of slabs, in use or kept
  std::size_t queued(const NodePublicKey& peer) const;  // bytes, with their overhead
  bool is_logged_in(ConnectionId connection) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace warren::relay
