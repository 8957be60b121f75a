#include "tunnel/control.h"

#include <algorithm>
#include <array>
#include <memory>
#include <system_error>
#include <utility>

#include "crypto/aead.h"
#include "proto/wireguard/messages.h"

namespace warren::tunnel {

namespace {

// How long stamps gather before the engine looks at them (spec: data-plane section 5.6).
constexpr Duration kActivityInterval = 10ms;

// How soon to look again whether the worker has let go of retired objects. A busy worker does
// within a round, a waiting one holds nothing: this is for the one that was just in between.
constexpr Duration kReclaimInterval = 100ms;

}  // namespace

Result<std::unique_ptr<Control>> Control::create(Random& random,
                                                 const WallClock& wall_clock,
                                                 Log& log,
                                                 std::optional<MeshOptions> mesh) {
  WARREN_TRY(io::EventFd to_control, io::EventFd::create());
  WARREN_TRY(io::EventFd to_worker, io::EventFd::create());
  return std::unique_ptr<Control>(new Control(random, wall_clock, log, std::move(mesh),
                                              std::move(to_control), std::move(to_worker)));
}

Control::Control(Random& random,
                 const WallClock& wall_clock,
                 Log& log,
                 std::optional<MeshOptions> mesh,
                 io::EventFd to_control,
                 io::EventFd to_worker)
    : random_(random),
      log_(log),
      engine_(random, wall_clock, mesh ? wg::PathMode::Managed : wg::PathMode::Roaming),
      paths_(mesh ? std::make_unique<Paths>(
                        engine_,
                        actions_,
                        std::move(*mesh),
                        [this](ByteView datagram, const UdpPath& to, TimePoint now) {
                          return send_datagram(datagram, to, now);
                        },
                        random,
                        log)
                  : nullptr),
      link_(engine_.index_table(),
            paths_ ? paths_->make_link() : nullptr,
            std::move(to_control),
            std::move(to_worker)) {}

void Control::set_ports(io::UdpPorts ports) {
  sender_.emplace(ports, false);
}

void Control::set_mtu(unsigned mtu) {
  mtu_ = mtu;
  publish_topology();
}

void Control::set_local_addresses(std::vector<IpAddress> addresses, Coalescer::Switches merge) {
  local_addresses_ = std::move(addresses);
  merge_ = merge;
  publish_topology();
}

void Control::set_filter(std::shared_ptr<const policy::Filter> filter) {
  if (filter && !link_.packet_filter) {
    link_.packet_filter = std::make_unique<policy::PacketFilter>(random_.u64());
  }
  filter_ = std::move(filter);
  publish_topology();
}

void Control::set_forwarding(bool on) {
  if (forwarding_ == on) return;
  forwarding_ = on;
  publish_topology();
}

void Control::configure(const Tunnel::Change& change, TimePoint now) {
  change(engine_, now, actions_);
  if (paths_) paths_->on_configured();
  publish_topology();
  finish(now);
}

void Control::tell_paths(const std::function<void(Paths& paths)>& news, TimePoint now) {
  news(*paths_);
  finish(now);
}

void Control::on_relayed(const relay::Route& from, ByteView datagram, TimePoint now) {
  paths_->on_relayed(from, datagram, link_.handshakes.size(), now);
  finish(now);
}

void Control::on_network_change() {
  if (sender_) sender_->on_network_change();
  command(NetworkChanged{});
}

void Control::publish_topology() {
  auto topology = std::make_shared<Topology>();
  topology->allowed_ips = engine_.allowed_ips();
  topology->local_addresses = local_addresses_;
  topology->mtu = mtu_;
  topology->merge = merge_;
  topology->mac1_key = engine_.mac1_key().clone();
  topology->filter = filter_;
  topology->forwarding = forwarding_;
  link_.topology.publish(std::move(topology));
  link_.to_worker.signal();  // an idle worker would hold the old one until its next packet
}

void Control::on_worker(TimePoint now) {
  while (const WorkerEvent* const event = link_.events.front()) {
    std::visit([&](const auto& what) { on_event(what, now); }, *event);
    link_.events.pop();
  }
  while (const HandshakeDatagram* const message = link_.handshakes.front()) {
    engine_.on_handshake_message(ByteView(message->bytes).first(message->size), message->from,
                                 link_.handshakes.size() - 1, now, actions_);
    link_.handshakes.pop();
    finish(now);  // one at a time: answers to a flood must not pile up
  }
  if (paths_) paths_->on_datagrams(*link_.paths, now);
  if (!link_.control_naps.load(std::memory_order_relaxed) && next_activity_ == kNever) {
    next_activity_ = now + kActivityInterval;
  }
  finish(now);
}

void Control::on_event(const Confirmed& event, TimePoint now) {
  engine_.on_confirmed(event.peer, event.local_index, now, actions_);
}

void Control::on_event(const RekeyWanted& event, TimePoint now) {
  engine_.on_rekey_wanted(event.peer, now, actions_);
}

void Control::on_event(const SendWanted& event, TimePoint now) {
  engine_.on_send_wanted(event.peer, now, actions_);
}

void Control::on_event(const Roamed& event, TimePoint /*now*/) {
  engine_.on_roamed(event.peer, event.from);
}

void Control::on_event(const NothingStaged& event, TimePoint now) {
  perform(wg::SendKeepalive{event.peer}, now);
}

void Control::on_event(const DeviceFailed& event, TimePoint /*now*/) const {
  if (observer_.failed) observer_.failed(errno_error("the TUN device failed", event.error));
}

void Control::on_event(const UnknownIndex& event, TimePoint now) {
  paths_->on_unknown_index(event, now);
}

void Control::on_timeout(TimePoint now) {
  if (now >= next_activity_) drain_activity(now);
  engine_.on_timeout(now, actions_);
  if (paths_) paths_->on_timeout(now);
  finish(now);
}

TimePoint Control::next_timeout(TimePoint now) const {
  TimePoint next = std::min(engine_.next_timeout(), next_activity_);
  if (paths_) next = std::min(next, paths_->next_timeout());
  if (!link_.reclaimer.empty()) next = std::min(next, now + kReclaimInterval);
  return next;
}

void Control::drain_activity(TimePoint now) {
  bool any = false;
  while (const wg::PeerId* const peer = link_.active.front()) {
    engine_.on_activity(*peer, now, actions_);
    if (paths_) paths_->on_activity(*peer, now);
    link_.active.pop();
    any = true;
  }
  next_activity_ = now + kActivityInterval;
  if (any) return;
  // A quiet interval: sleep until the worker says so. What it pushed before it could see that is
  // looked at once more.
  link_.control_naps.store(true, std::memory_order_seq_cst);
  if (link_.active.size() == 0) {
    next_activity_ = kNever;
  } else {
    link_.control_naps.store(false, std::memory_order_seq_cst);
  }
}

void Control::finish(TimePoint now) {
  // Performing may ask for more: a keepalive is activity, an observer may configure. By the time an
  // action is performed its peer may have been removed.
  // A path is published before what needs it is done: what is staged goes out on it.
  if (paths_) paths_->perform(now);
  while (!actions_.empty()) {
    const wg::Actions batch = std::exchange(actions_, {});
    for (const wg::Action& action : batch) {
      std::visit([&](const auto& what) { perform(what, now); }, action);
      if (paths_) paths_->perform(now);
    }
  }
  link_.reclaimer.retire(engine_.take_retired());
  link_.reclaimer.collect();
}

void Control::perform(const wg::SendMessage& action, TimePoint now) {
  if (action.peer && engine_.has_peer(*action.peer)) {
    engine_.data_peer(*action.peer)
        .bytes_sent.fetch_add(action.message.view().size(), std::memory_order_relaxed);
  }
  if (paths_) {
    paths_->send(action, now);
  } else if (action.to) {
    send_datagram(action.message.view(), *action.to, now);
  }
}

void Control::perform(const wg::SendKeepalive& action, TimePoint now) {
  if (!engine_.has_peer(action.peer)) return;
  wg::DataPeer& peer = engine_.data_peer(action.peer);
  wg::Keypair* const keypair = wg::sending_keypair(peer, now);
  const wg::PublishedPath* const path = peer.path.load(std::memory_order_acquire);
  if (keypair == nullptr || path == nullptr) return;
  const auto counter = keypair->reserve(1);
  if (!counter) return;
  std::array<std::uint8_t, wireguard::kDataOverhead> datagram{};
  wireguard::encode_data_header(datagram,
                                {.receiver = keypair->remote_index(), .counter = *counter});
  aead_seal(MutableByteView(datagram).subspan(wireguard::kDataHeaderSize), keypair->send_key(),
            *counter, {}, {});
  if (paths_) {
    paths_->send_keepalive(action.peer, datagram, path->path, now);
  } else if (path->path.direct) {
    send_datagram(datagram, *path->path.direct, now);
  }
  if (wg::note_sent(peer, wg::PacketKind::Keepalive, datagram.size(), now)) {
    engine_.on_activity(action.peer, now, actions_);
  }
}

void Control::perform(const wg::FlushStaged& action, TimePoint /*now*/) {
  command(Flush{action.peer, action.or_keepalive});
}

void Control::perform(const wg::DropStaged& action, TimePoint /*now*/) {
  command(Drop{action.peer});
}

void Control::perform(const wg::HandshakeCompleted& action, TimePoint now) {
  if (!engine_.has_peer(action.peer)) return;
  if (paths_) paths_->on_session(action.peer, now);
  log_.debug("tunnel: handshake completed peer={}",
             engine_.status(action.peer).public_key.short_text());
}

void Control::perform(const wg::HandshakeGivenUp& action, TimePoint /*now*/) {
  if (!engine_.has_peer(action.peer)) return;
  log_.debug("tunnel: no answer to handshakes peer={}",
             engine_.status(action.peer).public_key.short_text());
  if (observer_.handshake_given_up) observer_.handshake_given_up(action.peer);
}

int Control::send_datagram(ByteView datagram, const UdpPath& path, TimePoint now) {
  if (!sender_) return 0;
  std::array<io::OutMessage, 1> message{{{.path = &path,
                                          .data = datagram.data(),
                                          .size = static_cast<std::uint32_t>(datagram.size())}}};
  sender_->send(message, now);
  if (message[0].error != 0) {
    log_.debug("tunnel: send failed to={} reason={}", path.remote.to_string(),
               std::generic_category().message(message[0].error));
  }
  return message[0].error;
}

void Control::command(const WorkerCommand& command) {
  // Full when the worker stands still: what it staged is bounded, and asked for again with the next
  // packet.
  if (link_.commands.push(command)) link_.to_worker.signal();
}

}  // namespace warren::tunnel
