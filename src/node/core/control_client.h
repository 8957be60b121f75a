#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/keys.h"
#include "node/core/retry.h"
#include "proto/control/map.h"
#include "proto/control/map_frame.h"
#include "proto/control/register.h"

namespace warren::node {

// What we claim to be able to do (spec: control section 13 item 1): 1.80 and the map of today, no
// peer relay (121), no seamless renewal (126).
inline constexpr control::CapVersion kCapVersion{116};

// One request of ours; never used twice.
using RequestNumber = std::uint64_t;

// --- what the client asks of its shell, in order

// Dial the server, upgrade, Noise, HTTP/2: answered by on_connected() or on_connection_lost().
struct Connect {
  bool operator==(const Connect&) const = default;
};

struct Disconnect {
  bool operator==(const Disconnect&) const = default;
};

// POST with a JSON body. Answered by on_answer(); a stream by on_stream_data() and on_stream_end().
struct Post {
  RequestNumber number = 0;
  std::string path;
  std::string body;
  bool is_stream = false;

  bool operator==(const Post&) const = default;
};

struct Cancel {
  RequestNumber number = 0;

  bool operator==(const Cancel&) const = default;
};

// Does the connection live? Answered by on_pong().
struct Ping {
  bool operator==(const Ping&) const = default;
};

// node_key() is another one: keep it, before anything that follows is performed.
struct KeyChanged {
  bool operator==(const KeyChanged&) const = default;
};

// status() is another one.
struct StatusChanged {
  bool operator==(const StatusChanged&) const = default;
};

// Apply this to the network map; `is_first`: it replaces everything.
struct MapNews {
  control::MapResponse map;
  bool is_first = false;

  bool operator==(const MapNews&) const = default;
};

using ClientAction =
    std::variant<Connect, Disconnect, Post, Cancel, Ping, KeyChanged, StatusChanged, MapNews>;
using ClientActions = std::vector<ClientAction>;

// --- where it stands

enum class LoginState : std::uint8_t {
  Stopped,     // nobody wants to be connected
  NeedsLogin,  // somebody has to do something: link, or error
  Joining,     // asking the server
  Joined,      // admitted; the map may still be on its way
};

struct ClientStatus {
  LoginState login = LoginState::Stopped;
  bool is_connected = false;  // a map stream is open and its first message came
  std::string link;           // where a person approves this machine
  std::string error;          // why it is not joined, or not connected, in words
  std::optional<control::User> user;
  std::optional<control::Login> account;

  bool operator==(const ClientStatus&) const = default;
};

// What we tell of ourselves.
struct Introduction {
  DiscoPublicKey disco_key;
  control::Hostinfo hostinfo;
  std::vector<Endpoint> endpoints;
  std::vector<control::EndpointType> endpoint_types;

  bool operator==(const Introduction&) const = default;
};

struct ControlClientCounters {
  std::uint64_t connections = 0;
  std::uint64_t lost = 0;
  std::uint64_t maps = 0;  // messages but keepalives
  std::uint64_t malformed = 0;
};

// A node's talk with its coordination server, sans-IO (spec: control sections 4, 5, 10): joins,
// waits for approval, streams the map, tells of every change of ours, comes back for ever.
//
// Stopped until start(). Then one connection is there or being made: first the registration, then
// a map stream and, beside it, an update whenever our introduction changes. What the server refuses
// for good (a bad auth key) stops the asking until the next start(). Once joined, a lost connection
// changes nothing but is_connected: the tunnel lives on.
//
// A stream that the server ends is another's now: a machine with a copy of our state file came
// after us. Each time that it happens again we leave it alone for longer, up to a minute; so two
// such machines take turns, and either has its place back when the other stops.
//
// One thread. Early or repeated on_timeout is harmless.
class ControlClient {
 public:
  explicit ControlClient(Random& random);  // outlives it

  // --- wishes
  void introduce(Introduction introduction, TimePoint now);
  // `key` may be zero: one is made when it is needed. An empty auth key: by what the server knows,
  // or a person. `force`: with a new key, whatever the server knows.
  void start(NodePrivateKey key, std::string auth_key, bool force, ClientActions& out);
  void stop(ClientActions& out);
  // The server expires our key; then stop().
  void log_out(ClientActions& out);
  // Our network changed, or the machine slept: tries at once, or asks whether the connection lives.
  void on_network_change(TimePoint now, ClientActions& out);

  // --- events
  void on_connected(TimePoint now, ClientActions& out);
  void on_connection_lost(std::string why, TimePoint now, ClientActions& out);
  void on_answer(RequestNumber number,
                 unsigned status,
                 std::string_view body,
                 TimePoint now,
                 ClientActions& out);
  void on_stream_data(RequestNumber number, ByteView bytes, TimePoint now, ClientActions& out);
  // The stream is over, or was never begun: `status` other than 200 and what was said.
  void on_stream_end(RequestNumber number,
                     unsigned status,
                     std::string_view body,
                     TimePoint now,
                     ClientActions& out);
  void on_pong(TimePoint now);

  // --- time
  void on_timeout(TimePoint now, ClientActions& out);
  TimePoint next_timeout() const;

  // --- for status
  const ClientStatus& status() const { return status_; }

  const NodePrivateKey& node_key() const { return key_; }

  const ControlClientCounters& counters() const { return counters_; }

 private:
  enum class Link : std::uint8_t { None, Connecting, Up };

  void set_status(const ClientStatus& status, ClientActions& out);
  void fail(std::string why, bool for_good, TimePoint now, ClientActions& out);
  void connect(ClientActions& out);
  void drop_connection(std::string why, TimePoint now, ClientActions& out);
  void yield(TimePoint now);
  TimePoint quiet_until() const;
  void make_key(ClientActions& out);
  RequestNumber post(std::string_view path, std::string body, bool is_stream, ClientActions& out);
  void send_register(ClientActions& out);
  void on_registered(std::string_view body, TimePoint now, ClientActions& out);
  void open_stream(ClientActions& out);
  void send_update(ClientActions& out);
  void on_message(control::MapResponse message, TimePoint now, ClientActions& out);
  control::MapRequest map_request() const;

  Random& random_;
  ControlClientCounters counters_;
  ClientStatus status_;
  Introduction introduction_;
  NodePrivateKey key_;
  NodePublicKey old_key_;
  std::string auth_key_;
  bool is_logging_out_ = false;

  Link link_ = Link::None;
  Retry retry_;
  TimePoint retry_at_ = kNever;
  RequestNumber last_number_ = 0;
  RequestNumber register_ = 0;  // the request under way; 0: none
  TimePoint register_at_ = kNever;
  bool is_key_fresh_ = false;  // made because the server called the last one expired
  RequestNumber update_ = 0;
  RequestNumber stream_ = 0;
  std::optional<control::MapFrameReader> reader_;
  bool has_first_ = false;  // message of the stream
  TimePoint first_at_ = TimePoint::min();
  unsigned contests_ = 0;          // streams in a row that another machine took from us
  bool is_update_wanted_ = false;  // the server does not know our latest introduction
  TimePoint update_at_ = kNever;
  TimePoint heard_ = TimePoint::min();
  TimePoint pong_by_ = kNever;
};

}  // namespace warren::node
