#include "relay/client/engine.h"

#include <algorithm>
#include <utility>

namespace warren::relay::client {

namespace {

std::vector<Node> packet_nodes(const Region& region) {
  std::vector<Node> out;
  std::ranges::copy_if(region.nodes, std::back_inserter(out),
                       [](const Node& node) { return !node.stun_only; });
  return out;
}

}  // namespace

Engine::Engine(NodePrivateKey key, Random& random)
    : shared_{.key = std::move(key), .random = random, .last_attempt = {}, .counters = {}} {}

// --- configuration

void Engine::set_map(std::shared_ptr<const Map> map, TimePoint now, Actions& out) {
  map_ = std::move(map);
  std::vector<std::unique_ptr<Connection>> redefined;
  for (auto& connection : connections_) {
    const Region* const region = map_->find(connection->region());
    if (region != nullptr && packet_nodes(*region) == connection->nodes()) continue;
    connection->close(out);
    redefined.push_back(std::move(connection));
  }
  std::erase(connections_, nullptr);
  for (const auto& old : redefined) {
    if (now < old->last_wanted() + kIdleClose) want(old->region(), now, out);
  }
  const RegionId home = std::exchange(home_, kNoRegion);
  set_home(home, now, out);
}

void Engine::set_home(RegionId region, TimePoint now, Actions& out) {
  home_ = region;
  for (auto& connection : connections_) {
    if (connection->region() != region) connection->set_home(false, now, out);
  }
  if (Connection* const home = ensure(region, out)) home->set_home(true, now, out);
}

const Region* Engine::find_region(RegionId region) const {
  return map_->find(region);
}

// --- wishes

bool Engine::want(RegionId region, TimePoint now, Actions& out) {
  Connection* const connection = ensure(region, out);
  if (connection == nullptr) return false;
  connection->want(now, out);
  return true;
}

void Engine::check(RegionId region, TimePoint now, Actions& out) {
  if (Connection* const connection = get(region)) connection->check(now, out);
}

void Engine::on_network_change(TimePoint now, Actions& out) {
  for (auto& connection : connections_) {
    connection->check(now, out);
    connection->retry_now(now, out);
  }
}

// --- streams

void Engine::on_answered(RegionId region, AttemptId attempt) {
  if (Connection* const it = get(region)) it->on_answered(attempt);
}

void Engine::on_connected(
    RegionId region, AttemptId attempt, const Connected& facts, TimePoint now, Actions& out) {
  if (Connection* const it = get(region)) it->on_connected(attempt, facts, now, out);
}

void Engine::on_closed(RegionId region, AttemptId attempt, TimePoint now, Actions& out) {
  if (Connection* const it = get(region)) it->on_closed(attempt, now, out);
}

MutableByteView Engine::read_space(RegionId region) {
  return get(region)->read_space();
}

void Engine::on_read(RegionId region, std::size_t size, TimePoint now) {
  get(region)->on_read(size, now);
}

std::optional<PacketFrame> Engine::next_packet(RegionId region, TimePoint now, Actions& out) {
  Connection* const it = get(region);
  return it == nullptr ? std::nullopt : it->next_packet(now, out);
}

void Engine::on_written(RegionId region, TimePoint now) {
  if (Connection* const it = get(region)) it->on_written(now);
}

void Engine::on_progress(RegionId region, TimePoint now) {
  if (Connection* const it = get(region)) it->on_progress(now);
}

bool Engine::admit(RegionId region, std::size_t packet_size, TimePoint now) {
  Connection* const it = get(region);
  return it != nullptr && it->admit(packet_size, now);
}

bool Engine::accepts_packets(RegionId region) const {
  const Connection* const it = find(region);
  return it != nullptr && it->accepts_packets();
}

// --- time

void Engine::on_timeout(TimePoint now, Actions& out) {
  for (auto& connection : connections_) connection->on_timeout(now, out);
  std::erase_if(connections_, [](const auto& connection) {
    return connection->state() == Connection::State::Closed;
  });
}

TimePoint Engine::next_timeout() const {
  TimePoint out = kNever;
  for (const auto& connection : connections_) out = std::min(out, connection->next_timeout());
  return out;
}

// --- the table

const Connection* Engine::find(RegionId region) const {
  for (const auto& connection : connections_) {
    if (connection->region() == region) return connection.get();
  }
  return nullptr;
}

Connection* Engine::get(RegionId region) {
  return const_cast<Connection*>(std::as_const(*this).find(region));
}

Connection* Engine::ensure(RegionId region, Actions& out) {
  if (Connection* const known = get(region)) return known;
  const Region* const entry = map_->find(region);
  if (entry == nullptr) return nullptr;
  auto nodes = packet_nodes(*entry);
  if (nodes.empty()) return nullptr;
  if (connections_.size() >= kMaxConnections) evict_one(out);
  return connections_.emplace_back(std::make_unique<Connection>(region, shared_, std::move(nodes)))
      .get();
}

void Engine::evict_one(Actions& out) {
  const auto oldest = std::ranges::min_element(connections_, {}, [](const auto& connection) {
    return std::pair(connection->is_home(), connection->last_wanted());
  });
  ++shared_.counters.evicted;
  (*oldest)->close(out);
  connections_.erase(oldest);
}

}  // namespace warren::relay::client
