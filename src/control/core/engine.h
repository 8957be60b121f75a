#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>

#include "base/ip_address.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "control/core/actions.h"
#include "control/core/dns_settings.h"
#include "control/core/pending_logins.h"
#include "crypto/keys.h"
#include "netmap/model.h"
#include "proto/control/derp_map.h"

namespace warren::control {

struct EngineOptions {
  std::string url;                 // that machines were told: for the links people follow
  std::string server_key;          // mkey:…, for the join command that administrators see
  std::string domain;              // of nodes' names, without a dot at the end
  std::uint16_t hub_port = 41641;  // UDP, where devices reach the hub
  DnsSettings dns;
  std::uint16_t oldest = 87;         // capability version (spec: control section 8)
  Duration offline_grace = 10s;      // to come back unnoticed (spec: control section 5.7)
  Duration start_grace = 60s;        // the same after our own start (spec: server section 1.9)
  Duration ephemeral_after = 30min;  // spec: server section 7.1
  Duration soft_flush = 30s;         // spec: server section 1.4
  std::size_t max_unsent = std::size_t{64} << 20;  // bytes on the way to all (server section 1.6)
  std::size_t max_streams = 25'000;                // spec: server section 7.1
  std::size_t max_waiting = 4096;  // requests while a commit is under way (server section 1.4)
  std::optional<MachinePublicKey> hub_machine;  // admitted as the hub, without any key
};

// Now, on both clocks: timers run on the first, expiry is said in the second.
struct Moment {
  TimePoint now;
  WallTime wall;
};

// Who asks: proven by the Noise handshake.
struct Caller {
  MachinePublicKey machine;
  std::uint16_t version = 0;
  IpAddress address;
};

struct Request {
  RequestId id;
  Caller caller;
  std::string method;
  std::string path;
  std::string body;
};

struct AdminRequest {
  RequestId id;
  std::string method;
  std::string path;
  std::string body;  // JSON
};

struct EngineCounters {
  std::uint64_t registered = 0;
  std::uint64_t refused = 0;  // registrations
  std::uint64_t maps = 0;     // first messages
  std::uint64_t deltas = 0;
  std::uint64_t keepalives = 0;
  std::uint64_t commits = 0;
  std::uint64_t failed_commits = 0;
  std::uint64_t unknown_nodes = 0;  // requests for a node that is not, or another machine's
  std::uint64_t malformed = 0;
  std::uint64_t overloaded = 0;  // refused: too much waits, or too many streams
};

// The coordination server's decisions, sans-IO (spec: control sections 3 to 5, server section 1):
// requests of machines and of administrators come in, answers, map messages and commits go out.
//
// Nobody hears of a change before it is durable: while a commit is under way no request is looked
// at, no message is made; requests wait, and so form the next batch by themselves. When it fails,
// the model goes back and those who asked are told to try again.
//
// One strand. Everything is bounded (EngineOptions, and constants beside what they bound).
class Engine {
 public:
  // `model` holds what the store had; it and `random` outlive the engine.
  Engine(EngineOptions options, netmap::Model& model, Random& random);
  ~Engine();

  // --- before the first request
  void load(const SoftRow& row);
  void start(const Moment& moment);
  void set_relay_map(DerpMap map, const Moment& moment);
  void set_dns(DnsSettings dns, const Moment& moment);
  // Why there is no hub, for administrators who ask for one; empty: nothing is known against it.
  void set_hub_problem(std::string why);

  // --- requests of machines, inside Noise
  void on_request(Request request, const Moment& moment, Actions& out);
  // It was reset, or its connection is gone.
  void on_request_gone(RequestId request, const Moment& moment, Actions& out);
  void on_drained(RequestId request, const Moment& moment, Actions& out);

  // --- requests of administrators, who proved it to the shell: /api/warren/v1 (engine_admin.cc)
  void on_admin(AdminRequest request, const Moment& moment, Actions& out);

  // --- the store
  void on_committed(const Result<void>& result, const Moment& moment, Actions& out);

  // Makes durable at once what would wait for the next flush: before the end.
  void flush(const Moment& moment, Actions& out);

  // --- time
  void on_timeout(const Moment& moment, Actions& out);
  TimePoint next_timeout() const;

  // --- for others
  std::unordered_set<NodePublicKey> members() const;  // who may use the relay
  const PendingLogin* find_login(const std::string& id) const;
  std::size_t streams() const;
  std::size_t online() const;
  const EngineCounters& counters() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace warren::control
