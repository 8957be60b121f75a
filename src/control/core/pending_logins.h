#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/ip_address.h"
#include "base/random.h"
#include "base/time.h"
#include "control/core/request_id.h"
#include "netmap/model.h"

namespace warren::control {

// A machine that asks to be let in and has no auth key: a person is to approve it. Kept in memory
// only; after a restart the machine asks again and gets another link (spec: control section 11
// item 9).
struct PendingLogin {
  std::string id;  // part of the link that its user sees
  netmap::Machine machine;
  IpAddress from;
  WallTime asked;
  TimePoint expires;
  std::vector<RequestId> waiting;  // requests that are answered when it is decided
  bool is_refused = false;         // and nobody waited: the machine is told when it asks
};

inline constexpr std::size_t kMaxPendingLogins = 4096;  // spec: server section 7.6
inline constexpr Duration kPendingLoginLifetime = 1h;   // ours: a coffee and a phone call
inline constexpr std::size_t kMaxWaitingRequests = 4;   // of one login: a client has one

class PendingLogins {
 public:
  // The machine's login; a new one unless it asks for the same node key and tags again and was not
  // refused: what a person saw behind the link is what they approve.
  // The oldest gives way when there are too many: its requests are in `dropped`.
  PendingLogin& ask(const netmap::Machine& machine,
                    const IpAddress& from,
                    WallTime wall,
                    TimePoint now,
                    Random& random,
                    std::vector<RequestId>& dropped);

  // Null: unknown, decided, or too old.
  PendingLogin* find(const std::string& id);
  // Null too when somebody else's.
  PendingLogin* find(const std::string& id,
                     const MachinePublicKey& machine,
                     const NodePublicKey& node_key);

  // It is decided.
  PendingLogin take(const std::string& id);
  // The request is gone: it waits no more.
  void forget(RequestId request);

  // Those whose time is over.
  std::vector<PendingLogin> take_expired(TimePoint now);
  TimePoint next_expiry() const;

  // Those that are to be decided, by age.
  std::vector<const PendingLogin*> list() const;

  std::size_t size() const { return by_id_.size(); }

 private:
  std::map<std::string, PendingLogin> by_id_;
  std::map<MachinePublicKey, std::string> by_machine_;
  std::set<std::pair<TimePoint, std::string>> by_expiry_;
};

}  // namespace warren::control
