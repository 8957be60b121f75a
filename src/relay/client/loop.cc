#include "relay/client/loop.h"

#include <algorithm>
#include <utility>
#include <variant>

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "io/clock.h"
#include "io/tcp_dial.h"
#include "proto/wireguard/messages.h"

namespace warren::relay::client {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using Status = io::TlsClient::Status;

Loop::Loop(asio::io_context& context, Setup setup)
    : context_(context),
      setup_(std::move(setup)),
      engine_(setup_.key.clone(), setup_.random),
      now_(io::boot_now()),
      outbound_(context),
      timer_(context),
      tasks_(context.get_executor(), setup_.log),
      lookups_(std::in_place, /*threads=*/2, /*most_waiting=*/kMaxDialing) {}

Loop::~Loop() {
  if (outbound_.is_open()) outbound_.release();  // the descriptor is not ours
}

void Loop::start() {
  outbound_.assign(setup_.to_relay.fd());
  wait_outbound();
}

void Loop::stop() {
  stopped_ = true;
  tasks_.cancel();
  timer_.cancel();
  outbound_.release();
  for (const LinkPtr& link : links_) close(*link);
}

// --- wishes

void Loop::set_map(std::shared_ptr<const Map> map) {
  now_ = io::boot_now();
  engine_.set_map(std::move(map), now_, actions_);
  settle();
}

void Loop::set_home(RegionId region) {
  now_ = io::boot_now();
  engine_.set_home(region, now_, actions_);
  settle();
}

void Loop::send(const Route& to, ByteView datagram) {
  now_ = io::boot_now();
  enqueue(to, datagram, Urgency::Urgent);
  settle();
}

void Loop::check(RegionId region) {
  now_ = io::boot_now();
  engine_.check(region, now_, actions_);
  settle();
}

void Loop::on_network_change() {
  now_ = io::boot_now();
  for (const LinkPtr& link : links_) {
    if (link->tls == nullptr) continue;
    const auto local = io::local_address(link->tls->socket());
    if (local && !io::is_local_address(*local)) lost(*link);
  }
  engine_.on_network_change(now_, actions_);
  settle();
}

void Loop::measure(RegionId region) {
  const Region* const entry = engine_.find_region(region);
  const auto node = entry == nullptr ? std::vector<Node>::const_iterator{}
                                     : std::ranges::find(entry->nodes, false, &Node::stun_only);
  if (entry == nullptr || node == entry->nodes.end() || measuring_.size() >= kMaxMeasuring) {
    setup_.upcalls->measured(region, std::nullopt);
    return;
  }
  if (std::ranges::find(measuring_, region) != measuring_.end()) return;  // the answer serves both
  measuring_.push_back(region);
  tasks_.spawn("relay measure", run_measure(region, *node));
}

asio::awaitable<void> Loop::run_measure(RegionId region, Node node) {
  const DialTools tools{.lookups = *lookups_, .tls = setup_.tls, .mark = setup_.mark};
  const auto latency =
      co_await client::measure(tools, std::move(node), io::boot_now() + kMeasureLimit);
  std::erase(measuring_, region);
  setup_.upcalls->measured(region, latency ? std::optional(*latency) : std::nullopt);
}

// --- what the engine asks for

void Loop::settle() {
  if (stopped_) return;
  while (!actions_.empty()) {
    for (const Action& action : std::exchange(actions_, {})) perform(action);
  }
  for (std::size_t i = 0; i < links_.size(); ++i) {
    if (std::exchange(links_[i]->is_touched, false)) flush(*links_[i]);
  }
  if (!actions_.empty()) return settle();  // a write failed
  arm_timer();
}

void Loop::perform(const Action& action) {
  if (const auto* const dial = std::get_if<Connect>(&action)) {
    connect(*dial);
  } else if (const auto* const bytes = std::get_if<Write>(&action)) {
    Link& link = link_of(bytes->region);
    if (!link.queue.write(bytes->bytes)) ++counters_.answers_full;
    link.is_touched = true;
  } else if (const auto* const end = std::get_if<Close>(&action)) {
    Link& link = link_of(end->region);
    close(link);
    if (end->drop_queue) counters_.not_connected += link.queue.drop_packets();
  } else if (const auto* const up = std::get_if<Up>(&action)) {
    Link& link = link_of(up->region);
    link.failure.clear();
    link.is_touched = true;
    setup_.log.debug("relay: connected region={}", up->region.value);
    setup_.upcalls->up(up->region);
  } else if (const auto* const down = std::get_if<Down>(&action)) {
    setup_.log.debug("relay: lost region={}", down->region.value);
    setup_.upcalls->down(down->region);
  } else if (const auto* const gone = std::get_if<Gone>(&action)) {
    if (!setup_.upcalls->peer_gone(gone->peer)) ++counters_.upcalls_full;
  }
}

void Loop::connect(const Connect& action) {
  if (dialing_ >= kMaxDialing) {
    engine_.on_closed(action.region, action.attempt, now_, actions_);
    return;
  }
  ++dialing_;
  tasks_.spawn("relay dial", run_dial(action));
}

asio::awaitable<void> Loop::run_dial(Connect action) {
  const DialTools tools{.lookups = *lookups_, .tls = setup_.tls, .mark = setup_.mark};
  const TimePoint deadline = io::boot_now() + kConnectLimit;
  Result<Dialed> dialed;
  if (auto tcp = co_await reach(tools, action.node, deadline)) {
    engine_.on_answered(action.region, action.attempt);
    dialed = co_await secure(tools, std::move(action.node), std::move(*tcp), deadline);
  } else {
    dialed = unexpected(std::move(tcp).error());
  }
  --dialing_;
  if (stopped_) co_return;  // it was through before it could be cancelled
  now_ = io::boot_now();
  const Connection* const wanted = engine_.find(action.region);
  if (wanted == nullptr || !wanted->awaits(action.attempt)) co_return;  // too late
  if (!dialed) {
    report(action.region, std::move(dialed).error());
    engine_.on_closed(action.region, action.attempt, now_, actions_);
    settle();
    co_return;
  }
  link_of(action.region);
  const LinkPtr link = find_link(action.region);
  link->tls = std::move(dialed->tls);
  link->attempt = action.attempt;
  engine_.on_connected(action.region, action.attempt, dialed->facts, now_, actions_);
  wait_readable(link);
  link->is_touched = true;
  settle();
}

// Once for each cause: a relay that cannot be reached is tried for ever.
void Loop::report(RegionId region, Error error) {
  Link& link = link_of(region);
  if (link.failure == error.detail) return;
  link.failure = error.detail;
  setup_.log.debug("relay: cannot connect region={} reason={}", region.value, error.detail);
  setup_.upcalls->failed(region, std::move(error));
}

void Loop::close(Link& link) {
  link.tls.reset();
  link.queue.on_connection_closed();
  link.record_size = 0;
  link.is_full = false;
}

void Loop::lost(Link& link) {
  close(link);
  engine_.on_closed(link.region, link.attempt, now_, actions_);
}

// A relay gives no reason when it refuses a key.
void Loop::closed_by_relay(Link& link) {
  const Connection* const connection = engine_.find(link.region);
  if (connection != nullptr && connection->state() == Connection::State::LoggingIn) {
    report(link.region,
           {.code = Errc::PermissionDenied,
            .detail = fmt::format("relay region {}: it closed the connection instead of answering "
                                  "the login: is this node's key admitted there?",
                                  link.region.value)});
  }
  lost(link);
}

Loop::Link& Loop::link_of(RegionId region) {
  if (const LinkPtr known = find_link(region)) return *known;
  // Those of regions that nobody wants any more go, so there are no more than connections.
  std::erase_if(links_, [this](const LinkPtr& link) {
    return engine_.find(link->region) == nullptr && link->tls == nullptr;
  });
  return *links_.emplace_back(std::make_shared<Link>(region));
}

Loop::LinkPtr Loop::find_link(RegionId region) const {
  for (const LinkPtr& link : links_) {
    if (link->region == region) return link;
  }
  return nullptr;
}

// --- out

void Loop::wait_outbound() {
  outbound_.async_wait(asio::posix::stream_descriptor::wait_read, [this](const error_code& error) {
    if (!error && !stopped_) take_outbound();
  });
}

void Loop::take_outbound() {
  now_ = io::boot_now();
  setup_.to_relay.consume();
  io::DatagramRing& ring = setup_.rings.outbound;
  std::size_t taken = 0;
  while (taken < kTurnBytes) {
    const auto entry = ring.next();
    if (!entry) break;
    enqueue(entry->route, entry->datagram, Urgency::Data);
    const std::size_t before = taken / kMaxRecord;
    taken += entry->datagram.size();
    if (taken / kMaxRecord != before) ring.release();
  }
  ring.release();
  settle();
  if (taken < kTurnBytes) return wait_outbound();
  asio::post(context_, [this] {
    if (!stopped_) take_outbound();
  });
}

void Loop::enqueue(const Route& to, ByteView datagram, Urgency urgency) {
  if (!engine_.want(to.region, now_, actions_)) {
    ++counters_.no_region;
    return;
  }
  if (!engine_.admit(to.region, datagram.size(), now_)) {
    ++counters_.over_rate;
    return;
  }
  Link& link = link_of(to.region);
  counters_.queue_full += link.queue.push(urgency, to.peer, datagram);
  ++counters_.packets_sent;
  link.is_touched = true;
  // A record is full: out with it while it is in the cache, and before the queue overflows.
  if (link.queue.packet_bytes() >= kMaxRecord) flush(link);
}

void Loop::flush(Link& link) {
  while (link.tls != nullptr && !link.is_full) {
    if (link.record_size == 0) {
      const auto packets = engine_.accepts_packets(link.region) ? SendQueue::Packets::Send
                                                                : SendQueue::Packets::Hold;
      link.record_size = link.queue.fill(link.record, packets);
      if (link.record_size == 0) return;
    }
    const auto outcome = link.tls->write(ByteView(link.record).first(link.record_size));
    switch (outcome.status) {
      case Status::Done:
        // A record goes whole or not at all: it is no larger than TLS allows.
        WARREN_CHECK(outcome.bytes == link.record_size);
        ++counters_.records_sent;
        counters_.bytes_sent += outcome.bytes;
        link.record_size = 0;
        engine_.on_written(link.region, now_);
        break;
      case Status::WantWrite:
        return wait_writable(link);
      case Status::WantRead:
        return;  // read() comes back here
      case Status::Closed:
        return closed_by_relay(link);
    }
  }
}

void Loop::wait_writable(Link& link) {
  link.is_full = true;
  const auto on_writable = [this, held = find_link(link.region),
                            attempt = link.attempt](const error_code& error) {
    if (error || stopped_ || held->tls == nullptr || held->attempt != attempt) return;
    now_ = io::boot_now();
    held->is_full = false;
    engine_.on_progress(held->region, now_);
    flush(*held);
    settle();
  };
  link.tls->socket().async_wait(tcp::socket::wait_write, on_writable);
}

// --- in

void Loop::wait_readable(const LinkPtr& link) {
  const auto on_readable = [this, link, attempt = link->attempt](const error_code& error) {
    if (error || stopped_ || link->tls == nullptr || link->attempt != attempt) return;
    read(link);
  };
  link->tls->socket().async_wait(tcp::socket::wait_read, on_readable);
}

void Loop::read(const LinkPtr& link) {
  now_ = io::boot_now();
  const AttemptId attempt = link->attempt;
  std::size_t budget = kTurnBytes;
  while (read_some(*link, budget)) {
    if (budget > 0) continue;
    // TLS may hold more than the socket shows: no waiting for it.
    asio::post(context_, [this, link, attempt] {
      if (!stopped_ && link->tls != nullptr && link->attempt == attempt) read(link);
    });
    return;
  }
  link->is_touched = true;
  settle();
  if (link->tls != nullptr && link->attempt == attempt) wait_readable(link);
}

bool Loop::read_some(Link& link, std::size_t& budget) {
  if (link.tls == nullptr) return false;
  const AttemptId attempt = link.attempt;
  const MutableByteView space = engine_.read_space(link.region);
  std::size_t size = 0;
  Status status = Status::Done;
  while (size < space.size()) {
    const auto outcome = link.tls->read(space.subspan(size));
    status = outcome.status;
    if (status != Status::Done) break;
    size += outcome.bytes;
  }
  if (size > 0) {
    ++counters_.reads;
    counters_.bytes_received += size;
    budget -= std::min(budget, size);
    engine_.on_read(link.region, size, now_);
    take_packets(link.region);
    settle();
    if (link.tls == nullptr || link.attempt != attempt) return false;
  }
  if (status == Status::Closed) {
    closed_by_relay(link);
    return false;
  }
  if (status == Status::WantWrite && !link.is_full) wait_writable(link);
  return status == Status::Done;
}

void Loop::take_packets(RegionId region) {
  bool for_worker = false;
  while (const auto packet = engine_.next_packet(region, now_, actions_)) {
    ++counters_.packets_received;
    const Route from{.region = region, .peer = packet->key};
    if (wireguard::classify(packet->packet) != wireguard::MessageType::Data) {
      if (!setup_.upcalls->relayed(from, packet->packet)) ++counters_.upcalls_full;
    } else if (setup_.rings.inbound.push(from, packet->packet)) {
      for_worker = true;
    } else {
      ++counters_.inbound_full;
    }
  }
  if (for_worker && to_worker_) to_worker_->signal();
}

// --- time

void Loop::arm_timer() {
  const TimePoint next = engine_.next_timeout();
  if (next >= armed_) return;  // it wakes earlier, which is harmless
  armed_ = next;
  // Compared before it is subtracted: a deadline may lie anywhere, also at the ends of time.
  const TimePoint now = io::boot_now();
  timer_.expires_after(next <= now ? 0ns : std::min<Duration>(next - now, 1h));
  timer_.async_wait([this](const error_code& error) {
    if (error || stopped_) return;
    armed_ = kNever;
    now_ = io::boot_now();
    engine_.on_timeout(now_, actions_);
    settle();
  });
}

}  // namespace warren::relay::client
