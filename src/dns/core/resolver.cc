#include "dns/core/resolver.h"

#include <algorithm>

namespace warren::dns {

Resolver::Resolver(const ResolverLimits& limits) : limits_(limits), zone_({}), routes_({}) {}

void Resolver::set_config(const ResolverConfig& config) {
  zone_ = Zone(config.zone);
  routes_ = RouteTable(config.routes);
}

void Resolver::on_query(const Client& client, ByteView message, TimePoint now, Actions& out) {
  ++counters_.queries;
  const auto query = decode_query(message);
  if (!query) {
    ++counters_.malformed;
    if (query.error() == DecodeError::NotThisMessage) return;
    if (auto error = error_answer(message, ResponseCode::FormErr)) {
      out.emplace_back(Reply{.client = client, .message = *std::move(error)});
    }
    return;
  }
  const std::size_t limit =
      client.transport == Transport::Udp ? query->udp_limit() : kMaxTcpMessage;
  const auto reply = [&](const Answer& answer) {
    out.emplace_back(Reply{.client = client, .message = encode_answer(*query, answer, limit)});
    if (decode_reply_head(std::get<Reply>(out.back()).message)->truncated) ++counters_.truncated;
  };
  if (const auto answer = answer_here(*query)) {
    ++counters_.answered_here;
    return reply(*answer);
  }
  const Route* const route = routes_.find(query->question.name);
  const auto authority = zone_.authority(query->question.name);
  if (authority && (route == nullptr || authority->labels() >= route->suffix.labels())) {
    ++counters_.answered_here;
    return reply(zone_.denial(query->question, *authority));
  }
  if (route == nullptr || route->upstreams.empty()) {
    ++counters_.failed;
    return reply({.code = ResponseCode::ServFail});
  }
  if (pending_.size() >= limits_.queries) {
    ++counters_.too_many;
    return;
  }
  forward(client, *query, limit, message, *route, now, out);
}

std::optional<Answer> Resolver::answer_here(const Query& query) const {
  if (query.opcode != Opcode::Query) return Answer{.code = ResponseCode::NotImp};
  if (query.edns && query.edns->version != 0) return Answer{.code = ResponseCode::BadVersion};
  return zone_.answer(query.question, hosts_);
}

void Resolver::forward(const Client& client,
                       const Query& query,
                       std::size_t limit,
                       ByteView message,
                       const Route& route,
                       TimePoint now,
                       Actions& out) {
  ++counters_.forwarded;
  Pending pending{.client = client,
                  .message = {message.begin(), message.end()},
                  .question = query.question,
                  .limit = limit,
                  .deadline = now + limits_.deadline,
                  .tcp_at = now + limits_.tcp_after,
                  .timer = kNever};
  if (query.edns && query.edns->udp_size > kMaxUdpMessage) {
    store_be(&pending.message[query.edns->size_offset], static_cast<std::uint16_t>(kMaxUdpMessage));
  }
  for (const Upstream& upstream : route.upstreams) pending.legs.push_back({.upstream = upstream});
  const PendingQuery entry = pending_.emplace(++last_query_, std::move(pending)).first;
  if (client.transport == Transport::Tcp) {
    start_tcp(entry, now, out);
  } else {
    for (std::size_t i = 0; i < entry->second.legs.size(); ++i) {
      start(entry, i, Transport::Udp, now, out);
    }
  }
  go_on(entry, out);
}

void Resolver::start(
    PendingQuery query, std::size_t leg, Transport transport, TimePoint now, Actions& out) {
  Pending& pending = query->second;
  if (transport == Transport::Tcp) pending.legs[leg].is_tcp_due = false;
  if (attempts_.size() >= limits_.attempts) {
    ++counters_.no_attempt_left;
    pending.has_failed_otherwise = true;
    return;
  }
  const AttemptId id{++last_attempt_};
  const TimePoint deadline =
      transport == Transport::Tcp ? now + limits_.tcp_limit : pending.deadline;
  attempts_.emplace(
      id, Attempt{.query = query->first, .leg = leg, .transport = transport, .deadline = deadline});
  pending.attempts.push_back(id);
  out.emplace_back(AskUpstream{.attempt = id,
                               .upstream = pending.legs[leg].upstream,
                               .transport = transport,
                               .message = pending.message});
}

void Resolver::start_tcp(PendingQuery query, TimePoint now, Actions& out) {
  Pending& pending = query->second;
  pending.tcp_at = kNever;
  for (std::size_t i = 0; i < pending.legs.size(); ++i) {
    if (pending.legs[i].is_tcp_due) start(query, i, Transport::Tcp, now, out);
  }
}

void Resolver::on_upstream_reply(AttemptId attempt, ByteView message, Actions& out) {
  const auto found = attempts_.find(attempt);
  if (found == attempts_.end()) return;
  const PendingQuery query = pending_.find(found->second.query);
  Pending& pending = query->second;
  const auto head = decode_reply_head(message);
  if (!head || head->question != pending.question) {
    ++counters_.foreign_replies;
    return;
  }
  if (head->code == ResponseCode::ServFail || head->code == ResponseCode::Refused) {
    (head->code == ResponseCode::Refused ? pending.was_refused : pending.has_failed_otherwise) =
        true;
    pending.legs[found->second.leg].is_tcp_due = false;  // it would say the same
    end_attempt(query, attempt, out);
    return go_on(query, out);
  }
  ++counters_.answered_upstream;
  std::vector<std::uint8_t> reply(message.begin(), message.end());
  if (reply.size() > pending.limit) {
    ++counters_.truncated;
    reply = truncated(message);
  }
  finish(query, std::move(reply), out);
}

void Resolver::on_upstream_failed(AttemptId attempt, TimePoint now, Actions& out) {
  const auto found = attempts_.find(attempt);
  if (found == attempts_.end()) return;
  const PendingQuery query = pending_.find(found->second.query);
  const std::size_t leg = found->second.leg;
  query->second.has_failed_otherwise = true;
  end_attempt(query, attempt, out);
  if (query->second.legs[leg].is_tcp_due) start(query, leg, Transport::Tcp, now, out);
  go_on(query, out);
}

void Resolver::on_client_gone(std::uint64_t channel, Actions& out) {
  for (auto query = pending_.begin(); query != pending_.end();) {
    const PendingQuery next = std::next(query);
    const Client& client = query->second.client;
    if (client.transport == Transport::Tcp && client.channel == channel) {
      ++counters_.clients_gone;
      drop(query, out);
    }
    query = next;
  }
}

void Resolver::on_timeout(TimePoint now, Actions& out) {
  while (!timers_.empty() && timers_.begin()->first <= now) {
    on_timer(pending_.find(timers_.begin()->second), now, out);
  }
}

TimePoint Resolver::next_timeout() const {
  return timers_.empty() ? kNever : timers_.begin()->first;
}

void Resolver::on_timer(PendingQuery query, TimePoint now, Actions& out) {
  Pending& pending = query->second;
  if (pending.deadline <= now) {
    ++counters_.timed_out;
    return fail(query, ResponseCode::ServFail, out);
  }
  const std::vector<AttemptId> running = pending.attempts;
  for (const AttemptId attempt : running) {
    if (attempts_.at(attempt).deadline > now) continue;
    pending.has_failed_otherwise = true;
    end_attempt(query, attempt, out);
  }
  if (pending.tcp_at <= now) start_tcp(query, now, out);
  go_on(query, out);
}

// After something failed or came due: gives up, or waits on.
void Resolver::go_on(PendingQuery query, Actions& out) {
  const Pending& pending = query->second;
  const bool may_come =
      !pending.attempts.empty() || std::ranges::any_of(pending.legs, &Leg::is_tcp_due);
  if (may_come) return set_timer(query);
  const bool all_refused = pending.was_refused && !pending.has_failed_otherwise;
  fail(query, all_refused ? ResponseCode::Refused : ResponseCode::ServFail, out);
}

void Resolver::end_attempt(PendingQuery query, AttemptId attempt, Actions& out) {
  attempts_.erase(attempt);
  std::erase(query->second.attempts, attempt);
  out.emplace_back(Cancel{attempt});
}

void Resolver::fail(PendingQuery query, ResponseCode code, Actions& out) {
  ++(code == ResponseCode::Refused ? counters_.refused : counters_.failed);
  // It was decoded when it came.
  const auto asked = decode_query(query->second.message);
  WARREN_CHECK(asked.has_value());
  finish(query, encode_answer(*asked, {.code = code}, query->second.limit), out);
}

void Resolver::finish(PendingQuery query, std::vector<std::uint8_t> message, Actions& out) {
  set_id(message, id_of(query->second.message));
  out.emplace_back(Reply{.client = query->second.client, .message = std::move(message)});
  drop(query, out);
}

void Resolver::drop(PendingQuery query, Actions& out) {
  for (const AttemptId attempt : query->second.attempts) {
    attempts_.erase(attempt);
    out.emplace_back(Cancel{attempt});
  }
  timers_.erase({query->second.timer, query->first});
  pending_.erase(query);
}

void Resolver::set_timer(PendingQuery query) {
  Pending& pending = query->second;
  timers_.erase({pending.timer, query->first});
  pending.timer = std::min(pending.deadline, pending.tcp_at);
  for (const AttemptId attempt : pending.attempts) {
    pending.timer = std::min(pending.timer, attempts_.at(attempt).deadline);
  }
  timers_.emplace(pending.timer, query->first);
}

}  // namespace warren::dns
