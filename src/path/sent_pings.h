#pragma once

#include <algorithm>
#include <deque>
#include <optional>

#include "base/ip_address.h"
#include "base/time.h"
#include "path/constants.h"
#include "proto/disco/messages.h"

namespace warren::path {

// Pings to one peer that may still be answered: at most kMaxSentPings, the oldest go.
class SentPings {
 public:
  struct Ping {
    disco::TransactionId transaction{};
    Endpoint endpoint;
    TimePoint sent;
  };

  void add(const Ping& ping) {
    while (!pings_.empty() &&
           (pings_.size() == kMaxSentPings || ping.sent - pings_.front().sent > kPingTimeout)) {
      pings_.pop_front();
    }
    pings_.push_back(ping);
  }

  // An answer counts once.
  std::optional<Ping> take(const disco::TransactionId& transaction) {
    const auto found = std::ranges::find(pings_, transaction, &Ping::transaction);
    if (found == pings_.end()) return std::nullopt;
    const Ping ping = *found;
    pings_.erase(found);
    return ping;
  }

  void clear() { pings_.clear(); }

  std::size_t size() const { return pings_.size(); }

 private:
  std::deque<Ping> pings_;  // by time
};

}  // namespace warren::path
