#include "relay/hub.h"

#include <algorithm>
#include <utility>

#include "relay/hub_state.h"

namespace warren::relay {

namespace {

std::uint32_t milliseconds(Duration duration) {
  return static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

}  // namespace

std::string_view to_string(CloseReason reason) {
  switch (reason) {
    case CloseReason::NotAdmitted:
      return "not_admitted";
    case CloseReason::BadLogin:
      return "bad_login";
    case CloseReason::LoginTimeout:
      return "login_timeout";
    case CloseReason::BadFrame:
      return "bad_frame";
    case CloseReason::Forbidden:
      return "forbidden";
    case CloseReason::HalfFrame:
      return "half_frame";
    case CloseReason::TooManyOfOneKey:
      return "too_many_of_one_key";
    case CloseReason::NoMemory:
      return "no_memory";
  }
  return "unknown";
}

Hub::State::State(RelayPrivateKey private_key, const Limits& its_limits, Random& its_random)
    : limits(its_limits),
      random(its_random),
      key(std::move(private_key)),
      public_key(key.public_key()),
      members(std::make_shared<const Members>()),
      slabs(limits) {}

Connection* Hub::State::find(ConnectionId id) {
  const auto found = connections.find(id);
  if (found == connections.end() || found->second->is_closing) return nullptr;
  return found->second.get();
}

void Hub::State::wake(Connection& connection, Actions& out) {
  if (connection.is_awake || connection.is_closing) return;
  connection.is_awake = true;
  out.emplace_back(Wake{connection.id});
}

void Hub::State::close(Connection& connection, CloseReason reason, Actions& out) {
  if (connection.is_closing) return;
  connection.is_closing = true;
  ++counters.closed[static_cast<std::size_t>(std::to_underlying(reason))];
  leave(connection, out);
  out.emplace_back(Close{.connection = connection.id, .reason = reason});
}

void Hub::State::send_control(Connection& connection, ByteView frame, Actions& out) {
  std::vector<std::uint8_t>& outgoing = connection.outgoing;
  if (outgoing.size() - connection.outgoing_sent + frame.size() > limits.control_queue) {
    ++counters.control_overflow;
    return;
  }
  outgoing.insert(outgoing.end(), frame.begin(), frame.end());
  wake(connection, out);
}

void Hub::State::send_health(Connection& connection, Actions& out) {
  std::vector<std::uint8_t> frame(kFrameHeaderSize + health.size());
  encode_frame_header(frame, FrameType::Health, health.size());
  std::ranges::copy(as_bytes(health), frame.begin() + kFrameHeaderSize);
  send_control(connection, frame, out);
}

// A connection has one timer, for whatever comes first. What moves a deadline back leaves the timer
// as it is: on_due() looks again.
void Hub::State::rearm(Connection& connection) {
  TimePoint due = std::min(connection.login_by, connection.next_keep_alive);
  if (connection.half_since != kNever) {
    due = std::min(due, connection.half_since + limits.half_frame);
  }
  if (connection.timer == due) return;
  auto node = timers.extract({connection.timer, connection.id});
  connection.timer = due;
  node.value().first = due;
  timers.insert(std::move(node));
}

void Hub::State::on_due(Connection& connection, TimePoint now, Actions& out) {
  if (!connection.is_closing) {
    if (connection.login_by <= now) {
      close(connection, CloseReason::LoginTimeout, out);
    } else if (connection.half_since != kNever &&
               connection.half_since + limits.half_frame <= now) {
      close(connection, CloseReason::HalfFrame, out);
    } else if (connection.next_keep_alive <= now) {
      connection.next_keep_alive = now + connection.keep_alive;
      send_control(connection, encode_keep_alive(), out);
    }
  }
  if (connection.is_closing) {
    connection.login_by = connection.next_keep_alive = connection.half_since = kNever;
  }
  rearm(connection);
}

Hub::Hub(RelayPrivateKey key, const Limits& limits, Random& random)
    : state_(std::make_unique<State>(std::move(key), limits, random)) {}

Hub::~Hub() = default;

const RelayPublicKey& Hub::public_key() const {
  return state_->public_key;
}

void Hub::set_members(std::shared_ptr<const Members> members, Actions& out) {
  state_->members = std::move(members);
  std::vector<Connection*> refused;
  for (const auto& [key, peer] : state_->peers) {
    if (state_->members->contains(key)) continue;
    refused.insert(refused.end(), peer->connections.begin(), peer->connections.end());
  }
  std::ranges::sort(refused, {}, &Connection::id);  // the table's order is nobody's business
  for (Connection* connection : refused) state_->close(*connection, CloseReason::NotAdmitted, out);
}

void Hub::set_health(std::string problem, Actions& out) {
  if (problem == state_->health) return;
  state_->health = std::move(problem);
  for (const auto& [timer, id] : state_->timers) {
    Connection* const connection = state_->find(id);
    if (connection != nullptr && connection->peer != nullptr) {
      state_->send_health(*connection, out);
    }
  }
}

void Hub::restart(Duration spread, Duration try_for, Actions& out) {
  state_->is_restarting = true;
  const auto bound = static_cast<std::uint64_t>(std::max<Duration::rep>(spread.count(), 1));
  for (const auto& [timer, id] : state_->timers) {
    Connection* const connection = state_->find(id);
    if (connection == nullptr || connection->peer == nullptr) continue;
    const Duration wait(static_cast<Duration::rep>(state_->random.below(bound)));
    state_->send_control(*connection,
                         encode_restarting({.reconnect_in_ms = milliseconds(wait),
                                            .try_for_ms = milliseconds(try_for)}),
                         out);
  }
}

std::optional<ConnectionId> Hub::on_connected(TimePoint now, Actions& out) {
  if (state_->is_restarting || state_->connections.size() >= state_->limits.connections) {
    ++state_->counters.connections_refused;
    return std::nullopt;
  }
  ++state_->counters.connections;
  const ConnectionId id{++state_->last_id};
  auto& connection = *(state_->connections[id] = std::make_unique<Connection>());
  connection.id = id;
  connection.login_by = now + state_->limits.login;
  connection.timer = connection.login_by;
  state_->timers.emplace(connection.timer, id);
  state_->send_control(connection, encode_server_key(state_->public_key), out);
  return id;
}

void Hub::on_closed(ConnectionId id, Actions& out) {
  const auto found = state_->connections.find(id);
  if (found == state_->connections.end()) return;
  Connection& connection = *found->second;
  connection.is_closing = true;  // nothing more is told to it
  state_->leave(connection, out);
  state_->drop_slab(connection);
  state_->slabs.detach(connection.slabs);
  state_->timers.erase({connection.timer, id});
  state_->connections.erase(found);
}

void Hub::on_timeout(TimePoint now, Actions& out) {
  while (next_timeout() <= now) {
    const auto found = state_->connections.find(state_->timers.begin()->second);
    state_->on_due(*found->second, now, out);
  }
}

TimePoint Hub::next_timeout() const {
  return state_->timers.empty() ? kNever : state_->timers.begin()->first;
}

const HubCounters& Hub::counters() const {
  return state_->counters;
}

std::size_t Hub::connections() const {
  return state_->connections.size();
}

std::size_t Hub::peers() const {
  return state_->peers.size();
}

std::size_t Hub::flows() const {
  return state_->flow_count;
}

std::size_t Hub::memory() const {
  return state_->slabs.allocated() * sizeof(Slab);
}

std::size_t Hub::queued(const NodePublicKey& peer) const {
  const auto found = state_->peers.find(peer);
  return found == state_->peers.end() ? 0
                                      : found->second->disco.cost() + found->second->data.cost();
}

bool Hub::is_logged_in(ConnectionId id) const {
  const Connection* const connection = state_->find(id);
  return connection != nullptr && connection->peer != nullptr;
}

}  // namespace warren::relay
