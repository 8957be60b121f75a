#include "sim/stock_node.h"

#include <algorithm>
#include <array>
#include <utility>

#include "proto/disco/frame.h"

namespace warren::sim {

namespace {

// Spec: paths sections 5.1 and 3.3.
constexpr Duration kSessionActive = 45s;
constexpr Duration kHeartbeat = 3s;
constexpr Duration kTrust = 6500ms;
constexpr Duration kPingTimeout = 5s;
constexpr Duration kPingSpacing = 5s;
constexpr Duration kDirectUpgrade = 60s;
constexpr Duration kGoodEnough = 5ms;
constexpr Duration kEndpointsFresh = 27s;
constexpr Duration kStunRetry = 100ms;
constexpr int kStunTries = 3;
constexpr Duration kStunLimit = 3s;
constexpr Duration kStunInterval = 20s;
constexpr Duration kStunSpread = 6s;

bool is_private(const IpAddress& address) {
  static const std::array<IpPrefix, 4> prefixes{
      *IpPrefix::parse("10.0.0.0/8"), *IpPrefix::parse("172.16.0.0/12"),
      *IpPrefix::parse("192.168.0.0/16"), *IpPrefix::parse("fc00::/7")};
  return std::ranges::any_of(prefixes,
                             [&](const IpPrefix& prefix) { return prefix.contains(address); });
}

// Section 5.7.
bool is_better(const Endpoint& a, Duration latency_a, const Endpoint& b, Duration latency_b) {
  const auto points = [](const Endpoint& endpoint, Duration own, Duration other) {
    std::int64_t out = own < other ? 100 - 100 * own / other : 0;
    if (is_private(endpoint.address)) out += 20;
    if (endpoint.address.is_v6()) out += 10;
    return out;
  };
  const auto points_a = points(a, latency_a, latency_b);
  const auto points_b = points(b, latency_b, latency_a);
  if (points_a <= 1 && points_b == 0) return false;
  return points_a > points_b;
}

}  // namespace

StockNode::StockNode(Machine& machine, Config config, std::uint64_t seed)
    : OverlayNode(machine, config, seed),
      disco_private_(std::move(config.disco_key)),
      port_(config.port) {
  start();
}

bool StockNode::is_direct(wg::PeerId /*peer*/) const {
  return is_trusted(now());
}

std::size_t StockNode::table_entries() const {
  return candidates_.size() + pings_.size();
}

void StockNode::after(Duration delay, std::function<void()> event) {
  time().after(delay, [alive = life(), event = std::move(event)] {
    if (!alive.expired()) event();
  });
}

// --- what it is told

void StockNode::on_relay_map(const std::shared_ptr<const relay::Map>& map) {
  const relay::Region& region = map->regions.front();
  region_ = region.id;
  set_home(region_);
  stun_servers_.clear();
  for (const std::string& text : {region.nodes.front().ipv4, region.nodes.front().ipv6}) {
    if (const auto address = IpAddress::parse(text))
      stun_servers_.push_back({.address = *address, .port = region.nodes.front().stun_port});
  }
  ask_stun();
}

void StockNode::on_peer(wg::PeerId id, const path::PeerConfig& peer) {
  WARREN_CHECK(!peer_id_ || peer_id_ == id);
  if (peer_id_ && peer.disco_key != peer_.disco_key) {
    configure([&](wg::Engine& engine, TimePoint at, wg::Actions& out) {
      engine.on_peer_restarted(id, at, out);
    });
  }
  peer_id_ = id;
  peer_ = peer;
  BoxKey key;
  WARREN_CHECK(key.init(disco_private_.bytes(), peer.disco_key.bytes()));
  box_ = std::move(key);
  for (auto& [endpoint, candidate] : candidates_) candidate.is_configured = false;
  for (const Endpoint& endpoint : peer.endpoints) candidates_[endpoint].is_configured = true;
  // To the data path: there is a way. Which one is chosen for each datagram.
  set_path(id, {.direct = std::nullopt, .relay = route()});
}

void StockNode::on_network(const path::LocalNetwork& network) {
  if (network == network_) return;
  network_ = network;
  best_.reset();
  trusted_until_ = TimePoint::min();
  for (auto& [endpoint, candidate] : candidates_) {
    candidate.is_called = false;
    candidate.last_ping = TimePoint::min();
  }
  ask_stun();
}

void StockNode::on_relay_down(relay::RegionId /*region*/) {
  ask_stun();
}

// --- datagrams

void StockNode::on_datagram(ByteView datagram, const UdpPath& from) {
  if (stun::looks_like_binding_success(datagram)) {
    const auto answer = stun::decode_binding_success(datagram);
    if (!answer || stun_requests_.erase(answer->transaction) == 0) return;
    const bool is_news = std::ranges::find(answers_, answer->mapped) == answers_.end();
    if (is_news) answers_.push_back(answer->mapped);
    if (stun_requests_.empty()) finish_stun();
  } else if (disco::looks_like_frame(datagram)) {
    std::vector<std::uint8_t> plaintext;
    const auto message = open(datagram, plaintext);
    if (!message) return;
    if (const auto* const ping = std::get_if<disco::Ping>(&*message)) on_ping(*ping, from.remote);
    if (const auto* const pong = std::get_if<disco::Pong>(&*message)) on_pong(*pong);
  } else {
    receive(datagram, from);
  }
}

void StockNode::on_relayed(const relay::Route& from, ByteView datagram) {
  if (!peer_id_ || from.peer != peer_.node_key) return;
  if (!disco::looks_like_frame(datagram)) return receive_relayed(from, datagram);
  std::vector<std::uint8_t> plaintext;
  const auto message = open(datagram, plaintext);
  if (!message) return;
  if (const auto* const call = std::get_if<disco::CallMeMaybe>(&*message)) on_call(*call);
}

std::optional<disco::Message> StockNode::open(ByteView datagram,
                                              std::vector<std::uint8_t>& plaintext) {
  const auto frame = disco::decode_frame(datagram);
  if (!frame || !box_ || frame->sender != peer_.disco_key) return std::nullopt;
  plaintext.resize(frame->box.size() - kBoxOverhead);
  if (!box_->open(plaintext, frame->nonce, frame->box)) return std::nullopt;
  const auto message = disco::decode_message(plaintext);
  if (!message) return std::nullopt;
  return *message;
}

std::vector<std::uint8_t> StockNode::seal(ByteView payload) {
  std::array<std::uint8_t, kBoxNonceSize> nonce{};
  random().fill(nonce);
  std::vector<std::uint8_t> out(payload.size() + disco::kFrameOverhead);
  disco::seal_frame(out, disco_private_.public_key(), nonce, *box_, payload);
  return out;
}

// Answered, and remembered; nothing is sent back for its own sake.
void StockNode::on_ping(const disco::Ping& ping, const Endpoint& from) {
  candidates_[from].last_heard = now();
  send_by_udp({.remote = from, .source = std::nullopt},
              seal(disco::encode(disco::Pong{.transaction = ping.transaction, .source = from})));
}

// Section 5.5.
void StockNode::on_pong(const disco::Pong& pong) {
  const auto found = pings_.find(pong.transaction);
  if (found == pings_.end()) return;
  const SentPing ping = found->second;
  pings_.erase(found);
  if (!candidates_.contains(ping.to)) return;
  const Duration latency = now() - ping.at;
  if (!is_trusted(now()) || is_better(ping.to, latency, *best_, latency_)) best_ = ping.to;
  if (best_ != ping.to) return;
  latency_ = latency;
  trusted_until_ = now() + kTrust;
}

void StockNode::on_call(const disco::CallMeMaybe& call) {
  std::set<Endpoint> named;
  for (std::size_t i = 0; i < call.size(); ++i) {
    if (!call.at(i).address.is_link_local()) named.insert(call.at(i));
  }
  // What the last call named and this one does not is gone, whoever else names it.
  std::erase_if(candidates_, [&](const auto& entry) {
    return entry.second.is_called && !named.contains(entry.first);
  });
  for (const Endpoint& endpoint : named) candidates_[endpoint].is_called = true;
  for (auto& [endpoint, candidate] : candidates_) candidate.last_ping = TimePoint::min();
  ping_all(Call::No);
}

// --- sending (section 5.4)

void StockNode::send_message(const wg::SendMessage& message) {
  if (message.peer) send(message.message.view());
}

void StockNode::send_data(const wg::DataPeer& /*peer*/,
                          const wg::PeerPath& /*path*/,
                          ByteView datagram) {
  send(datagram);
}

void StockNode::send(ByteView datagram) {
  const bool is_alone = is_trusted(now());
  if (!is_alone) ping_all(Call::Yes);
  last_sent_ = now();
  if (!std::exchange(beats_, true)) after(kHeartbeat, [this] { on_heartbeat(); });
  if (best_ && !send_by_udp({.remote = *best_, .source = std::nullopt}, datagram)) {
    candidates_[*best_].last_ping = TimePoint::min();
    best_.reset();
  }
  if (!is_alone) send_by_relay(route(), datagram);
}

bool StockNode::is_active() const {
  return last_sent_ >= now() - kSessionActive;
}

void StockNode::on_heartbeat() {
  beats_ = is_active();
  if (!beats_) return;
  if (best_) ping(*best_);
  const bool is_slow = latency_ > kGoodEnough && last_full_ping_ <= now() - kDirectUpgrade;
  if (!is_trusted(now()) || is_slow) ping_all(Call::Yes);
  after(kHeartbeat, [this] { on_heartbeat(); });
}

// Section 5.6.
void StockNode::ping_all(Call with_call) {
  prune();
  bool any = false;
  for (const auto& [endpoint, candidate] : candidates_) {
    if (candidate.last_ping > now() - kPingSpacing) continue;
    ping(endpoint);
    any = true;
  }
  if (!any) return;
  last_full_ping_ = now();
  if (with_call == Call::Yes) call();
}

void StockNode::prune() {
  std::erase_if(candidates_, [&](const auto& entry) {
    const Candidate& candidate = entry.second;
    return !candidate.is_configured && !candidate.is_called &&
           candidate.last_heard < now() - kSessionActive;
  });
  if (best_ && !candidates_.contains(*best_)) best_.reset();
}

void StockNode::ping(const Endpoint& to) {
  if (!box_) return;
  disco::Ping message{.transaction = {}, .node_key = node_key(), .padding = 0};
  random().fill(message.transaction);
  pings_[message.transaction] = {.to = to, .at = now()};
  candidates_[to].last_ping = now();
  send_by_udp({.remote = to, .source = std::nullopt}, seal(disco::encode(message)));
  after(kPingTimeout, [this, transaction = message.transaction] { on_ping_timeout(transaction); });
}

void StockNode::on_ping_timeout(const disco::TransactionId& transaction) {
  const auto found = pings_.find(transaction);
  if (found == pings_.end()) return;
  if (best_ == found->second.to && !is_trusted(now())) best_.reset();
  pings_.erase(found);
}

void StockNode::call() {
  if (observed_at_ <= now() - kEndpointsFresh) {
    calls_after_stun_ = true;
    ask_stun();
    return;
  }
  send_by_relay(route(), seal(disco::encode_call_me_maybe(endpoints())));
}

// --- its own endpoints (sections 3.3, 5.2)

std::vector<Endpoint> StockNode::endpoints() const {
  std::vector<Endpoint> out = observed_;
  for (const path::InterfaceAddress& local : network_.addresses) {
    const Endpoint endpoint{.address = local.address, .port = port_};
    const bool is_overlay = IpPrefix::parse("100.64.0.0/10")->contains(local.address);
    if (!is_overlay && std::ranges::find(out, endpoint) == out.end()) out.push_back(endpoint);
  }
  return out;
}

void StockNode::ask_stun() {
  if (stun_servers_.empty()) return;
  if (stun_round_ % 2 == 1) {
    asks_stun_again_ = true;
    return;
  }
  const std::uint64_t round = ++stun_round_;
  answers_.clear();
  for (int i = 0; i < kStunTries; ++i) after(i * kStunRetry, [this, round] { send_stun(round); });
  after(kStunLimit, [this, round] {
    if (stun_round_ == round) finish_stun();
  });
}

void StockNode::send_stun(std::uint64_t round) {
  if (stun_round_ != round) return;
  for (const Endpoint& server : stun_servers_) {
    const bool is_v6 = server.address.is_v6();
    const bool has_answered = std::ranges::any_of(
        answers_, [&](const Endpoint& seen) { return seen.address.is_v6() == is_v6; });
    if (has_answered || !(is_v6 ? network_.has_v6() : network_.has_v4())) continue;
    stun::TransactionId transaction{};
    random().fill(transaction);
    stun_requests_.insert(transaction);
    send_by_udp({.remote = server, .source = std::nullopt},
                stun::encode_binding_request(transaction));
  }
}

void StockNode::finish_stun() {
  ++stun_round_;
  stun_requests_.clear();
  observed_ = answers_;
  observed_at_ = now();
  if (std::exchange(calls_after_stun_, false)) call();
  if (std::exchange(asks_stun_again_, false)) ask_stun();
  const std::uint64_t round = stun_round_;
  const Duration next = kStunInterval + Duration(random().below(kStunSpread.count()));
  if (is_active()) {
    after(next, [this, round] {
      if (stun_round_ == round) ask_stun();
    });
  }
}

}  // namespace warren::sim
