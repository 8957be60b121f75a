#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/tagged.h"
#include "base/time.h"
#include "dns/core/host_table.h"
#include "dns/core/route_table.h"
#include "dns/core/zone.h"
#include "proto/dns/message.h"

namespace warren::dns {

enum class Transport : std::uint8_t { Udp, Tcp };

// Who asked, in the shell's terms. It comes back with the answer.
struct Client {
  Transport transport = Transport::Udp;
  std::uint64_t channel = 0;  // socket (UDP) or connection (TCP)
  Endpoint source = {};

  bool operator==(const Client&) const = default;
};

// One question to one upstream over one transport. Never used again.
using AttemptId = TaggedNumber<struct DnsAttemptTag, std::uint64_t>;

struct Reply {
  Client client;
  std::vector<std::uint8_t> message;

  bool operator==(const Reply&) const = default;
};

// The shell gives the copy that it sends a random id, uses a random port, and reports only messages
// that come from the upstream with that id.
struct AskUpstream {
  AttemptId attempt;
  Upstream upstream;
  Transport transport = Transport::Udp;
  std::vector<std::uint8_t> message;

  bool operator==(const AskUpstream&) const = default;
};

// The attempt is over, whatever ended it: its socket can go. Comes once for each AskUpstream.
struct Cancel {
  AttemptId attempt;

  bool operator==(const Cancel&) const = default;
};

using Action = std::variant<Reply, AskUpstream, Cancel>;
using Actions = std::vector<Action>;

// Spec: node-features sections 4.1 and 4.5.
struct ResolverLimits {
  std::size_t queries = 256;   // being asked of upstreams at once; more are dropped
  std::size_t attempts = 512;  // sockets: two for each of them, or eight upstreams for 64
  Duration deadline = 10s;     // then SERVFAIL
  Duration tcp_after = 2s;     // over UDP first
  Duration tcp_limit = 5s;     // of an attempt over TCP
};

struct ResolverCounters {
  std::uint64_t queries = 0;
  std::uint64_t answered_here = 0;  // without asking anybody
  std::uint64_t forwarded = 0;
  std::uint64_t answered_upstream = 0;  // of the forwarded ones
  std::uint64_t failed = 0;             // SERVFAIL: no route, or all upstreams failed
  std::uint64_t refused = 0;            // all upstreams refused
  std::uint64_t timed_out = 0;          // of the failed ones
  std::uint64_t truncated = 0;          // answers that were cut for UDP
  // Dropped.
  std::uint64_t malformed = 0;        // no query, or one that cannot be read
  std::uint64_t too_many = 0;         // beyond ResolverLimits::queries
  std::uint64_t no_attempt_left = 0;  // an upstream was not asked: ResolverLimits::attempts
  std::uint64_t foreign_replies = 0;  // to another question, or unreadable
  std::uint64_t clients_gone = 0;     // queries of connections that closed
};

struct ResolverConfig {
  ZoneConfig zone;
  std::vector<Route> routes;

  bool operator==(const ResolverConfig&) const = default;
};

// The resolver without its sockets. A query is answered at once from what we know (Zone), or is
// asked of all upstreams of the longest route at once: over UDP, and over TCP when that failed or
// two seconds have passed; a query that came over TCP, over TCP only. The first answer that is no
// failure goes to the client, and the others are cancelled. When all have failed it is SERVFAIL, or
// REFUSED when all refused. Another configuration concerns queries that come after it.
class Resolver {
 public:
  explicit Resolver(const ResolverLimits& limits);

  void set_config(const ResolverConfig& config);

  HostTable& hosts() { return hosts_; }

  const HostTable& hosts() const { return hosts_; }

  // Exactly one Reply comes of it, unless it is dropped (see the counters).
  void on_query(const Client& client, ByteView message, TimePoint now, Actions& out);
  // The attempt's id must have been checked; the question is checked here. A message that answers
  // another question leaves the attempt open. Attempts that were cancelled are ignored.
  void on_upstream_reply(AttemptId attempt, ByteView message, Actions& out);
  // It could not be sent, or the connection failed. Of UDP: then TCP is tried at once.
  void on_upstream_failed(AttemptId attempt, TimePoint now, Actions& out);
  // A TCP connection closed: nobody waits for its answers.
  void on_client_gone(std::uint64_t channel, Actions& out);

  void on_timeout(TimePoint now, Actions& out);
  TimePoint next_timeout() const;

  std::size_t pending() const { return pending_.size(); }

  const ResolverCounters& counters() const { return counters_; }

 private:
  using QueryId = std::uint64_t;

  // What is tried with one upstream.
  struct Leg {
    Upstream upstream;
    bool is_tcp_due = true;  // it will be asked over TCP unless something comes before
  };

  // A query that waits for upstreams.
  struct Pending {
    Client client;
    std::vector<std::uint8_t> message;  // as it is forwarded
    Question question;
    std::size_t limit = 0;  // of the answer
    std::vector<Leg> legs = {};
    std::vector<AttemptId> attempts = {};  // that run
    TimePoint deadline;                    // of the whole
    TimePoint tcp_at;                      // kNever: it has been
    TimePoint timer;                       // the earliest of all, as in timers_
    bool was_refused = false;
    bool has_failed_otherwise = false;
  };

  struct Attempt {
    QueryId query = 0;
    std::size_t leg = 0;
    Transport transport = Transport::Udp;
    TimePoint deadline;
  };

  using PendingQueries = std::map<QueryId, Pending>;
  using PendingQuery = PendingQueries::iterator;

  std::optional<Answer> answer_here(const Query& query) const;
  void forward(const Client& client,
               const Query& query,
               std::size_t limit,
               ByteView message,
               const Route& route,
               TimePoint now,
               Actions& out);
  void start(PendingQuery query, std::size_t leg, Transport transport, TimePoint now, Actions& out);
  void start_tcp(PendingQuery query, TimePoint now, Actions& out);
  void end_attempt(PendingQuery query, AttemptId attempt, Actions& out);
  void go_on(PendingQuery query, Actions& out);
  void fail(PendingQuery query, ResponseCode code, Actions& out);
  void finish(PendingQuery query, std::vector<std::uint8_t> message, Actions& out);
  void drop(PendingQuery query, Actions& out);
  void on_timer(PendingQuery query, TimePoint now, Actions& out);
  void set_timer(PendingQuery query);

  ResolverLimits limits_;
  HostTable hosts_;
  Zone zone_;
  RouteTable routes_;
  PendingQueries pending_;                           // at most ResolverLimits::queries
  std::unordered_map<AttemptId, Attempt> attempts_;  // at most ResolverLimits::attempts
  std::set<std::pair<TimePoint, QueryId>> timers_;   // one for each pending query
  QueryId last_query_ = 0;
  std::uint64_t last_attempt_ = 0;
  ResolverCounters counters_;
};

}  // namespace warren::dns
