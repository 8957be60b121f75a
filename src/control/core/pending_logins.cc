#include "control/core/pending_logins.h"

#include <algorithm>

#include "base/result.h"
#include "netmap/secret_text.h"

namespace warren::control {
namespace {

constexpr std::size_t kIdLength = 16;  // 58^16 > 2^93: nobody guesses a link

}  // namespace

PendingLogin& PendingLogins::ask(const netmap::Machine& machine,
                                 const IpAddress& from,
                                 WallTime wall,
                                 TimePoint now,
                                 Random& random,
                                 std::vector<RequestId>& dropped) {
  const auto known = by_machine_.find(machine.key);
  if (known != by_machine_.end()) {
    PendingLogin& login = by_id_.at(known->second);
    if (login.machine.node_key == machine.node_key &&
        login.machine.requested_tags == machine.requested_tags && !login.is_refused) {
      return login;
    }
    dropped = take(login.id).waiting;
  } else if (by_id_.size() >= kMaxPendingLogins) {
    dropped = take(by_expiry_.begin()->second).waiting;
  }
  PendingLogin login{.id = netmap::random_base58(kIdLength, random),
                     .machine = machine,
                     .from = from,
                     .asked = wall,
                     .expires = now + kPendingLoginLifetime,
                     .waiting = {},
                     .is_refused = false};
  by_machine_.emplace(machine.key, login.id);
  by_expiry_.emplace(login.expires, login.id);
  const std::string id = login.id;
  return by_id_.emplace(id, std::move(login)).first->second;
}

PendingLogin* PendingLogins::find(const std::string& id) {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &found->second;
}

PendingLogin* PendingLogins::find(const std::string& id,
                                  const MachinePublicKey& machine,
                                  const NodePublicKey& node_key) {
  PendingLogin* const login = find(id);
  const bool is_theirs =
      login != nullptr && login->machine.key == machine && login->machine.node_key == node_key;
  return is_theirs ? login : nullptr;
}

PendingLogin PendingLogins::take(const std::string& id) {
  auto entry = by_id_.extract(id);
  WARREN_CHECK(!entry.empty());
  PendingLogin login = std::move(entry.mapped());
  by_machine_.erase(login.machine.key);
  by_expiry_.erase({login.expires, login.id});
  return login;
}

void PendingLogins::forget(RequestId request) {
  for (auto& [id, login] : by_id_) std::erase(login.waiting, request);
}

std::vector<PendingLogin> PendingLogins::take_expired(TimePoint now) {
  std::vector<PendingLogin> out;
  while (next_expiry() <= now) out.push_back(take(std::string(by_expiry_.begin()->second)));
  return out;
}

TimePoint PendingLogins::next_expiry() const {
  return by_expiry_.empty() ? kNever : by_expiry_.begin()->first;
}

std::vector<const PendingLogin*> PendingLogins::list() const {
  std::vector<const PendingLogin*> out;
  out.reserve(by_expiry_.size());
  for (const auto& [expires, id] : by_expiry_) {
    const PendingLogin& login = by_id_.at(id);
    if (!login.is_refused) out.push_back(&login);
  }
  return out;
}

}  // namespace warren::control
