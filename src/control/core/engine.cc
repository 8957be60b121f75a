#include "control/core/engine.h"

#include <algorithm>

#include "control/core/engine_state.h"

namespace warren::control {
namespace {

constexpr std::size_t kMaxBatch = 256;  // requests in one commit (spec: server section 1.4)

// What a row of the model is to the people who see the node.
Mark mark_of(const netmap::Node& before, const netmap::Node& after, WallTime judged_at) {
  // Patches cannot say that it expired, or that it is back.
  if (before.is_expired(judged_at) != after.is_expired(judged_at)) return Mark::Full;
  netmap::Node same_but_key = before;
  same_but_key.key = after.key;
  same_but_key.old_key = after.old_key;
  same_but_key.key_expiry = after.key_expiry;
  return same_but_key == after ? Mark::Key : Mark::Full;
}

}  // namespace

Engine::Engine(EngineOptions options, netmap::Model& model, Random& random)
    : state_(std::make_unique<State>(std::move(options), model, random)) {
  for (const auto& [id, node] : model.tables().nodes()) {
    state_->add_to_roster(node);
    if (node.key_expiry) state_->expiries.emplace(*node.key_expiry, id);
  }
  for (const auto& [id, device] : model.tables().devices()) {
    if (device.expires) state_->expiries.emplace(*device.expires, id);
  }
}

Engine::~Engine() = default;

void Engine::load(const SoftRow& row) {
  RosterEntry* const entry = state_->roster.find(row.node);
  if (entry != nullptr && row.state) entry->soft = *row.state;
}

// Whoever was online when we stopped counts as online until it had a chance to come back: or every
// restart of ours would look like an outage of everything (spec: server section 1.9).
void Engine::start(const Moment& moment) {
  State& state = *state_;
  const TimePoint grace_over = moment.now + state.options.start_grace;
  for (auto& [id, entry] : state.roster.entries()) {
    entry.is_online = !entry.soft.disco_key.is_zero() && !entry.soft.last_seen;
    const bool is_ephemeral = state.model.tables().find_node(id)->is_ephemeral;
    state.set_deadlines(entry, entry.is_online ? grace_over : kNever,
                        is_ephemeral ? grace_over + state.options.ephemeral_after : kNever);
  }
  state.soft_flush_at = moment.now + state.options.soft_flush;
  state.check_expiry(moment);
  for (auto& [id, entry] : state.roster.entries()) {
    if (entry.is_device) state.judge_device(entry, moment.now);
  }
}

void Engine::set_hub_problem(std::string why) {
  state_->hub_problem = std::move(why);
}

void Engine::set_relay_map(DerpMap map, const Moment& moment) {
  state_->relay_map = std::move(map);
  state_->tell_everyone(HeadMark::RelayMap, moment.now);
}

void Engine::set_dns(DnsSettings dns, const Moment& moment) {
  if (dns == state_->options.dns) return;
  state_->options.dns = std::move(dns);
  state_->tell_everyone(HeadMark::Dns, moment.now);
}

void Engine::on_request(Request request, const Moment& moment, Actions& out) {
  State& state = *state_;
  if (state.is_committing) return state.hold(std::move(request), out);
  state.handle(request, moment);
  state.finish(moment, out);
}

void Engine::on_admin(AdminRequest request, const Moment& moment, Actions& out) {
  State& state = *state_;
  if (state.is_committing) return state.hold(std::move(request), out);
  state.on_admin(request, moment);
  state.finish(moment, out);
}

void Engine::on_request_gone(RequestId request, const Moment& moment, Actions& out) {
  State& state = *state_;
  state.logins.forget(request);
  std::erase_if(state.waiting, [&](const auto& waiting) {
    return std::visit([&](const auto& what) { return what.id == request; }, waiting);
  });
  if (state.streams.contains(request)) state.close_stream(request, moment);
  state.finish(moment, out);
}

void Engine::on_drained(RequestId request, const Moment& moment, Actions& out) {
  State& state = *state_;
  const auto stream = state.streams.find(request);
  if (stream == state.streams.end()) return;
  state.note_sent(stream->second);
  stream->second.is_draining = false;
  state.queue(stream->second);
  state.finish(moment, out);
}

void Engine::on_committed(const Result<void>& result, const Moment& moment, Actions& out) {
  State& state = *state_;
  WARREN_CHECK(state.is_committing);
  state.is_committing = false;
  ++(result ? state.counters.commits : state.counters.failed_commits);
  const netmap::Changes changes = std::exchange(state.changes, {});
  if (result) {
    state.absorb(changes, moment);
  } else {
    state.model.undo(changes);
    for (const SoftRow& row : state.soft_in_flight) {
      if (RosterEntry* const entry = state.roster.find(row.node))
        state.mark_soft_dirty(*entry, moment);
    }
  }
  state.soft_in_flight.clear();
  for (auto& [success, failure] : std::exchange(state.parked, {})) {
    if (!result) State::tell_why(failure, result.error().detail);
    state.park_now(std::move(result ? success : failure));
  }
  // Without a change there is no next commit that the rest could wait for.
  for (std::size_t i = 0; !state.waiting.empty() && (i < kMaxBatch || state.changes.empty()); ++i) {
    const auto next = std::move(state.waiting.front());
    state.waiting.pop_front();
    if (const auto* const request = std::get_if<Request>(&next)) {
      state.handle(*request, moment);
    } else {
      state.on_admin(std::get<AdminRequest>(next), moment);
    }
  }
  state.finish(moment, out);
}

void Engine::flush(const Moment& moment, Actions& out) {
  state_->soft_flush_at = moment.now;
  state_->finish(moment, out);
}

void Engine::on_timeout(const Moment& moment, Actions& out) {
  State& state = *state_;
  if (state.is_committing) return;
  state.expire_logins(moment);
  state.check_presence(moment);
  state.check_expiry(moment);
  state.finish(moment, out);
}

TimePoint Engine::next_timeout() const {
  const State& state = *state_;
  if (state.is_committing) return kNever;
  const TimePoint stream = state.stream_queue.empty() ? kNever : state.stream_queue.begin()->first;
  const TimePoint flush = state.soft_dirty.empty() ? kNever : state.soft_flush_at;
  return std::min({stream, flush, state.logins.next_expiry(), state.next_presence()});
}

std::unordered_set<NodePublicKey> Engine::members() const {
  std::unordered_set<NodePublicKey> out;
  for (const auto& [id, node] : state_->model.tables().nodes()) {
    if (node.kind == netmap::NodeKind::Device) continue;
    out.insert(node.key);
    if (node.old_key) out.insert(*node.old_key);
  }
  return out;
}

const PendingLogin* Engine::find_login(const std::string& id) const {
  return state_->logins.find(id);
}

std::size_t Engine::streams() const {
  return state_->streams.size();
}

std::size_t Engine::online() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      state_->roster.entries(), [](const auto& entry) { return entry.second.is_online; }));
}

const EngineCounters& Engine::counters() const {
  return state_->counters;
}

void Engine::State::park(Action success, Action failure) {
  parked.emplace_back(std::move(success), std::move(failure));
}

void Engine::State::hold(std::variant<Request, AdminRequest> request, Actions& out) {
  if (waiting.size() < options.max_waiting) {
    waiting.push_back(std::move(request));
    return;
  }
  ++counters.overloaded;
  const RequestId id = std::visit([](const auto& what) { return what.id; }, request);
  out.emplace_back(Respond{.to = id,
                           .status = 503,
                           .body = "the server is busy",
                           .retry_after = std::chrono::seconds(5)});
}

void Engine::State::answer(RequestId to, unsigned status, std::string body) {
  park_now(
      Respond{.to = to, .status = status, .body = std::move(body), .retry_after = std::nullopt});
}

void Engine::State::handle(const Request& request, const Moment& moment) {
  if (request.path == "/machine/register" && request.method == "POST") {
    on_register(request, moment);
  } else if (request.path == "/machine/map" && request.method == "POST") {
    on_map(request, moment);
  } else if (request.path == "/machine/update-health") {
    answer(request.id, 204, {});
  } else {
    // Spec: control section 3.2: clients cope.
    answer(request.id, 501, "this server does not do that");
  }
}

void Engine::State::finish(const Moment& moment, Actions& out) {
  if (!is_committing) {
    const bool is_flush = !soft_dirty.empty() && soft_flush_at <= moment.now;
    if (!changes.empty() || is_flush) {
      is_committing = true;
      for (const netmap::NodeId node : std::exchange(soft_dirty, {})) {
        RosterEntry* const entry = roster.find(node);
        if (entry == nullptr) continue;
        entry->is_soft_dirty = false;
        soft_in_flight.push_back({.node = node, .state = entry->soft});
      }
      soft_flush_at = moment.now + options.soft_flush;
      park_now(Commit{.changes = changes, .soft = soft_in_flight});
    } else {
      for (auto& [success, failure] : std::exchange(parked, {})) park_now(std::move(success));
      deliver(moment);
    }
  }
  for (Action& action : std::exchange(ready, {})) out.push_back(std::move(action));
}

void Engine::State::absorb(const netmap::Changes& rows, const Moment& moment) {
  for (const netmap::Change& row : rows) {
    std::visit(
        [&](const auto& change) {
          if constexpr (requires { absorb_row(change, moment); }) absorb_row(change, moment);
        },
        row);
  }
}

void Engine::State::absorb_row(const netmap::RowChange<netmap::Node>& change,
                               const Moment& moment) {
  const auto expiry_of = [](const std::optional<netmap::Node>& node) {
    return node ? node->key_expiry : std::nullopt;
  };
  const auto& any = change.after ? change.after : change.before;
  if (!any) return;
  const netmap::NodeId id = any->id;
  if (const auto old = expiry_of(change.before)) expiries.erase({*old, id});
  if (const auto next = expiry_of(change.after)) expiries.emplace(*next, id);
  check_expiry_at = moment.now;

  if (!change.before) {
    add_to_roster(*any);  // nobody hears of it before it has told its disco key, or is carried
    park_now(MembersChanged{});
    return;
  }
  RosterEntry* const entry = roster.find(id);
  WARREN_CHECK(entry != nullptr);
  if (!change.after) {
    std::vector<RequestId> own;  // its stream, and what it only fetches once
    for (auto& [request, stream] : streams) {
      if (stream.node == id) own.push_back(request);
      stream.marks.remove(entry->slot, id, moment.now);
      queue(stream);
    }
    for (const RequestId request : own) {
      park_now(EndStream{request});
      close_stream(request, moment);
    }
    set_deadlines(*entry, kNever, kNever);
    chunks.forget(entry->slot);
    roster.remove(id);
    park_now(MembersChanged{});
    return;
  }
  if (change.before->key != change.after->key || change.before->old_key != change.after->old_key) {
    park_now(MembersChanged{});
  }
  forget_text(*entry);
  if (entry->is_device) return tell_of_device(*change.before, *change.after, moment.now);
  tell_others(*entry, mark_of(*change.before, *change.after, judged_at), moment.now);
  tell_self(id, moment.now);
}

void Engine::State::absorb_row(const netmap::RowChange<netmap::Device>& change,
                               const Moment& moment) {
  const auto& any = change.after ? change.after : change.before;
  if (!any) return;
  const netmap::NodeId id = any->node;
  if (change.before && change.before->expires) expiries.erase({*change.before->expires, id});
  if (change.after && change.after->expires) expiries.emplace(*change.after->expires, id);
  check_expiry_at = moment.now;
  RosterEntry* const entry = roster.find(id);
  WARREN_CHECK(entry != nullptr);
  judge_device(*entry, moment.now);
}

void Engine::State::absorb_row(const netmap::RowChange<netmap::User>& change,
                               const Moment& moment) {
  if (!change.before || !change.after) return;
  for (auto& [id, stream] : streams) stream.told_users.erase(change.after->id);
  tell_everyone(HeadMark::Profiles, moment.now);
}

}  // namespace warren::control
