#pragma once

#include <array>
#include <list>
#include <unordered_map>
#include <utility>

#include "base/time.h"
#include "lab/connection.h"
#include "lab/flow.h"

namespace warren::lab {

// Sessions that time out, found by flow. There are few timeouts, so the sessions of each stand in a
// list of their own with the next to expire in front: a packet costs a look-up and a splice, and
// expiring costs what is expired. The owner bounds the size. Time never goes back.
template <class Extra>
class SessionTable {
 public:
  struct Session {
    Flow key;
    Extra extra;
    Connection connection;
    Timer timer{};
    TimePoint expires;  // lives while now is before
  };

  using Iterator = typename std::list<Session>::iterator;

  explicit SessionTable(const Timeouts& timeouts) : timeouts_(timeouts) {}

  SessionTable(const SessionTable&) = delete;
  SessionTable& operator=(const SessionTable&) = delete;
  ~SessionTable() = default;

  std::size_t size() const { return index_.size(); }

  // Of those that expire() left; null when there is none.
  Session* find(const Flow& key) {
    const auto found = index_.find(key);
    return found == index_.end() ? nullptr : &*found->second;
  }

  const Session* find(const Flow& key) const {
    const auto found = index_.find(key);
    return found == index_.end() ? nullptr : &*found->second;
  }

  // A new session and its first packet. The key must be free.
  void insert(const Flow& key, Extra extra, Direction direction, TcpEvent event, TimePoint now) {
    auto& list = lists_[0];
    const auto session = list.emplace(list.end());
    session->key = key;
    session->extra = std::move(extra);
    index_.emplace(key, session);
    session->timer = session->connection.on_packet(key.protocol, direction, event);
    move_to(session, list, now);
  }

  // A packet of a session: its timer starts again if the packet `refreshes` it or has moved it on.
  void on_packet(
      Session& session, Direction direction, TcpEvent event, bool refreshes, TimePoint now) {
    const Timer before = session.timer;
    session.timer = session.connection.on_packet(session.key.protocol, direction, event);
    if (!refreshes && session.timer == before) return;
    move_to(index_.find(session.key)->second, list_of(before), now);
  }

  // Forgets what has timed out; `gone` hears of each before.
  template <class Gone>
  void expire(TimePoint now, Gone&& gone) {
    for (auto& list : lists_) {
      while (!list.empty() && list.front().expires <= now) {
        gone(std::as_const(list.front()));
        index_.erase(list.front().key);
        list.pop_front();
      }
    }
  }

  void clear() {
    index_.clear();
    for (auto& list : lists_) list.clear();
  }

 private:
  std::list<Session>& list_of(Timer timer) { return lists_[std::to_underlying(timer)]; }

  void move_to(Iterator session, std::list<Session>& from, TimePoint now) {
    session->expires = now + timeouts_[std::to_underlying(session->timer)];
    auto& to = list_of(session->timer);
    to.splice(to.end(), from, session);
  }

  Timeouts timeouts_;
  std::array<std::list<Session>, std::to_underlying(Timer::Count)> lists_;  // by timer
  std::unordered_map<Flow, Iterator> index_;
};

}  // namespace warren::lab
