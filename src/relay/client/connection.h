#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/keys.h"
#include "proto/relay/frames.h"
#include "proto/relay/region.h"
#include "relay/client/actions.h"
#include "relay/client/back_off.h"
#include "relay/client/constants.h"
#include "relay/client/frame_stream.h"
#include "relay/client/liveness.h"
#include "relay/client/token_bucket.h"

namespace warren::relay::client {

// What became known while the TLS connection was made.
struct Connected {
  std::optional<RelayPublicKey> server_key;  // of the meta certificate; none: no fast start
  Duration round_trip{};                     // of TCP; zero: unknown
};

struct Counters {
  std::uint64_t connects = 0;  // attempts
  std::uint64_t ups = 0;
  std::uint64_t pings = 0;
  std::uint64_t pongs = 0;            // that answer one of them
  std::uint64_t declared_dead = 0;    // connections that did not answer in time
  std::uint64_t refused_logins = 0;   // no 101, or closed before ServerInfo
  std::uint64_t malformed = 0;        // frames
  std::uint64_t unknown_frames = 0;   // skipped
  std::uint64_t restarts_told = 0;    // Restarting frames
  std::uint64_t health_problems = 0;  // Health frames that name one
  std::uint64_t evicted = 0;          // connections closed for kMaxConnections
};

// What all connections of a client share; outlives them.
struct Shared {
  NodePrivateKey key;
  Random& random;
  AttemptId last_attempt;
  Counters counters;
};

// The connection to one region, sans-IO (spec: paths sections 2.1 to 2.4).
//
// Closed until it is wanted. Connecting: the region's nodes are tried in their order. Then
// LoggingIn: with fast start the HTTP request and the login go out in one flight and packets may
// follow them at once; without, after the relay has answered and said its key. ServerInfo makes it
// Up. When it is lost, or does not get there in kConnectLimit, it waits (BackOff) and begins anew,
// if it is home or was wanted in the last kIdleClose; else it is Closed.
class Connection {
 public:
  enum class State : std::uint8_t { Closed, Connecting, LoggingIn, Up, BackOff };

  // `nodes` are those that carry packets: at least one.
  Connection(RegionId region, Shared& shared, std::vector<Node> nodes);

  RegionId region() const { return region_; }

  State state() const { return state_; }

  const std::vector<Node>& nodes() const { return nodes_; }

  bool is_home() const { return is_home_; }

  TimePoint last_wanted() const { return last_wanted_; }

  bool awaits(AttemptId attempt) const {
    return state_ == State::Connecting && attempt_ == attempt;
  }

  // The login is on its way: packets may follow it.
  bool accepts_packets() const { return login_sent_; }

  // --- wishes
  void set_home(bool is_home, TimePoint now, Actions& out);
  // There is something to send.
  void want(TimePoint now, Actions& out);
  void check(TimePoint now, Actions& out);
  // Does not wait any longer, if it did.
  void retry_now(TimePoint now, Actions& out);
  void close(Actions& out);

  // --- the stream
  // A node of the region accepted the TCP connection, whatever comes of it.
  void on_answered(AttemptId attempt);
  void on_connected(AttemptId attempt, const Connected& facts, TimePoint now, Actions& out);
  // It could not be made, or was lost.
  void on_closed(AttemptId attempt, TimePoint now, Actions& out);

  MutableByteView read_space() { return stream().space(); }

  void on_read(std::size_t size, TimePoint now);
  // Handles what was read up to the next packet; none: more must be read, or it is closed.
  std::optional<PacketFrame> next_packet(TimePoint now, Actions& out);

  void on_written(TimePoint now) { liveness_.on_written(now); }

  // The other side took bytes of a stream that was full: it lives, even where a ping has to wait
  // behind what is under way.
  void on_progress(TimePoint now) { liveness_.on_heard(now); }

  // False: the packet would go beyond the rate that the server asked for.
  bool admit(std::size_t packet_size, TimePoint now);

  // --- time
  void on_timeout(TimePoint now, Actions& out);
  TimePoint next_timeout() const;

  Duration round_trip() const { return liveness_.round_trip(); }

 private:
  bool is_open() const { return state_ == State::LoggingIn || state_ == State::Up; }

  bool is_wanted(TimePoint now) const { return is_home_ || now < last_wanted_ + kIdleClose; }

  void begin_attempt(TimePoint now, Actions& out);
  void connect_node(Actions& out);
  std::string upgrade_request(bool fast_start) const;
  void send_login(std::string_view before,
                  const RelayPublicKey& server_key,
                  TimePoint now,
                  Actions& out);
  bool take_http_head(TimePoint now, Actions& out);
  void on_frame(const Frame& frame, TimePoint now, Actions& out);
  void on_server_info(ByteView payload, TimePoint now, Actions& out);
  void on_quiet(TimePoint now, Actions& out);
  void write(ByteView frame, Actions& out);
  enum class By : std::uint8_t { Us, Them };
  void end(By who, TimePoint now, Actions& out);

  // While is_open().
  FrameStream& stream() {
    WARREN_CHECK(stream_.has_value());
    return *stream_;
  }

  const RegionId region_;
  Shared& shared_;
  const std::vector<Node> nodes_;

  State state_ = State::Closed;
  bool is_home_ = false;
  TimePoint last_wanted_ = TimePoint::min();
  AttemptId attempt_;
  std::size_t node_ = 0;         // of nodes_, in use or to be tried next
  std::size_t nodes_tried_ = 0;  // in this attempt
  bool is_answered_ = false;     // by any of them
  TimePoint deadline_ = kNever;  // of connecting and logging in, or the end of the wait
  TimePoint up_since_;
  BackOff back_off_;

  // Of an open connection:
  std::optional<FrameStream> stream_;
  Liveness liveness_;
  TokenBucket rate_;
  std::optional<RelayPublicKey> server_key_;
  bool awaits_http_ = false;
  bool login_sent_ = false;
  unsigned pongs_left_ = 0;  // until the next read
};

}  // namespace warren::relay::client
