#include "sim/wg_stack.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "proto/ip/packet.h"
#include "proto/wireguard/messages.h"

namespace warren::sim {

namespace {

constexpr std::size_t kMtu = 1420;       // for padding; nothing is fragmented here
constexpr std::size_t kFlowSlots = 256;  // a scenario has a few, and many nodes

}  // namespace

WgStack::WgStack(VirtualTime& time, std::uint64_t seed, wg::PathMode path_mode)
    : time_(time),
      random_(seed),
      wall_clock_(time),
      engine_(random_, wall_clock_, path_mode),
      cipher_(create_packet_cipher(CipherChoice::Evp).value()),
      filter_(seed, kFlowSlots) {}

WgStack::~WgStack() = default;

std::size_t WgStack::staged(wg::PeerId peer) const {
  const auto found = staged_.find(peer);
  return found == staged_.end() ? 0 : found->second.size();
}

void WgStack::configure(const std::function<void(wg::Engine&, TimePoint, wg::Actions&)>& change) {
  change(engine_, time_.now(), actions_);
  routes_ = engine_.allowed_ips();
  finish_event();
}

void WgStack::set_filter(std::shared_ptr<const policy::Filter> filter) {
  filter_.set_filter(std::move(filter));
}

void WgStack::finish_event() {
  perform();
  engine_.take_retired();
  const TimePoint next = engine_.next_timeout();
  if (next == kNever || next >= wake_) return;
  wake_ = next;
  time_.at(next, [this, alive = std::weak_ptr(alive_), next] {
    if (alive.expired() || wake_ != next) return;
    wake_ = kNever;
    on_timeout();
  });
}

void WgStack::on_timeout() {
  const TimePoint now = time_.now();
  engine_.on_timeout(now, actions_);
  WARREN_CHECK(engine_.next_timeout() > now);
  finish_event();
}

// Doing what the engine asked for may make it ask for more.
void WgStack::perform() {
  while (!actions_.empty()) {
    for (const wg::Action& action : std::exchange(actions_, {})) perform(action);
  }
}

void WgStack::perform(const wg::Action& action) {
  if (const auto* const send = std::get_if<wg::SendMessage>(&action)) {
    observer_->on_message(*send);
    send_message(*send);
  } else if (const auto* const keepalive = std::get_if<wg::SendKeepalive>(&action)) {
    seal_and_send(engine_.data_peer(keepalive->peer), {});
  } else if (const auto* const flush_staged = std::get_if<wg::FlushStaged>(&action)) {
    flush(*flush_staged);
  } else if (const auto* const drop = std::get_if<wg::DropStaged>(&action)) {
    counters_.staged_dropped += staged(drop->peer);
    staged_.erase(drop->peer);
  } else if (const auto* const completed = std::get_if<wg::HandshakeCompleted>(&action)) {
    note("handshake completed");
    on_session(completed->peer);
  } else {
    note("handshake given up");
  }
}

void WgStack::send_packet(ByteView packet) {
  const auto info = ip::parse_packet(packet);
  WARREN_CHECK(info.has_value());
  if (has_filter() && filter_.check_outbound(*info, time_.now()) != policy::Verdict::Accept) {
    ++counters_.filtered;
    return;
  }
  wg::DataPeer* const peer = routes_->find(info->destination);
  if (peer == nullptr) {
    ++counters_.no_peer;
    return;
  }
  observer_->on_reason(peer->id);
  transmit(*peer, {packet.begin(), packet.end()});
  finish_event();
}

void WgStack::transmit(wg::DataPeer& peer, std::vector<std::uint8_t> packet) {
  if (seal_and_send(peer, packet)) return;
  auto& staged = staged_[peer.id];
  if (staged.size() >= kMaxStaged) {
    staged.pop_front();
    ++counters_.staged_overflow;
  }
  staged.push_back(std::move(packet));
  engine_.on_send_wanted(peer.id, time_.now(), actions_);
}

// False: there is no key to send under. An empty packet is a keepalive.
bool WgStack::seal_and_send(wg::DataPeer& peer, ByteView packet) {
  const TimePoint now = time_.now();
  wg::Keypair* const keypair = wg::sending_keypair(peer, now);
  if (keypair == nullptr) return false;
  const auto counter = keypair->reserve(1);
  if (!counter) return false;
  observer_->on_sealed(*keypair, *counter);
  observer_->on_reason(peer.id);
  const wg::PublishedPath* const path = peer.path.load(std::memory_order_acquire);
  if (path == nullptr || path->path == wg::PeerPath()) {
    ++counters_.path_none;
    return true;
  }
  const std::size_t size = packet.empty() ? 0 : wireguard::padded_size(packet.size(), kMtu);
  std::vector<std::uint8_t> datagram(wireguard::kDataOverhead + size);
  wireguard::encode_data_header(datagram,
                                {.receiver = keypair->remote_index(), .counter = *counter});
  std::ranges::copy(packet, datagram.begin() + wireguard::kDataHeaderSize);
  CipherJob job{.key = keypair->send_key().bytes().data(),
                .counter = *counter,
                .data = datagram.data() + wireguard::kDataHeaderSize,
                .size = static_cast<std::uint32_t>(size)};
  cipher_->seal({&job, 1});
  if (is_traced()) {
    note(fmt::format("data {} B, key {:08x} counter {}", packet.size(), keypair->local_index(),
                     *counter));
  }
  send_data(peer, path->path, datagram);

  const auto kind = packet.empty() ? wg::PacketKind::Keepalive : wg::PacketKind::Data;
  const bool wants_rekey = keypair->wants_rekey_after_send(now) && keypair->claim_rekey();
  note_activity(peer, wg::note_sent(peer, kind, datagram.size(), now));
  if (wants_rekey) engine_.on_rekey_wanted(peer.id, now, actions_);
  return true;
}

void WgStack::flush(const wg::FlushStaged& action) {
  wg::DataPeer& peer = engine_.data_peer(action.peer);
  auto staged = std::exchange(staged_[action.peer], {});
  staged_.erase(action.peer);
  if (staged.empty() && action.or_keepalive) seal_and_send(peer, {});
  for (auto& packet : staged) transmit(peer, std::move(packet));
}

void WgStack::note_activity(const wg::DataPeer& peer, bool is_news) {
  if (is_news) engine_.on_activity(peer.id, time_.now(), actions_);
  on_activity(peer);
}

void WgStack::set_path(wg::PeerId peer, const wg::PeerPath& path) {
  engine_.set_path(peer, path);
}

void WgStack::receive(ByteView datagram, const UdpPath& from) {
  const auto type = wireguard::classify(datagram);
  if (!type) {
    ++counters_.rx_malformed;
    return;
  }
  if (*type == wireguard::MessageType::Data) {
    receive_data(datagram, from);
  } else {
    engine_.on_handshake_message(datagram, from, backlog_, time_.now(), actions_);
  }
  finish_event();
}

void WgStack::receive_data(ByteView datagram, const UdpPath& from) {
  const TimePoint now = time_.now();
  const auto header = wireguard::decode_data_header(datagram);
  if (!header) {
    ++counters_.rx_malformed;
    return;
  }
  wg::Keypair* const keypair = engine_.index_table().find(header->receiver);
  if (keypair == nullptr) {
    ++counters_.rx_index;
    if (const auto peer = sender(from)) engine_.on_unknown_index(*peer, now, actions_);
    return;
  }
  if (!keypair->may_receive(now)) {
    ++counters_.rx_key_expired;
    return;
  }
  std::vector<std::uint8_t> text(datagram.begin() + wireguard::kDataHeaderSize, datagram.end());
  const std::size_t size = text.size() - wireguard::kTagSize;
  CipherJob job{.key = keypair->receive_key().bytes().data(),
                .counter = header->counter,
                .data = text.data(),
                .size = static_cast<std::uint32_t>(size)};
  cipher_->open({&job, 1});
  if (!job.ok) {
    ++counters_.rx_auth;
    return;
  }
  if (!keypair->accept(header->counter)) {
    ++counters_.rx_replay;
    return;
  }
  wg::DataPeer& peer = keypair->peer();
  observer_->on_accepted(*keypair, header->counter);
  observer_->on_reason(peer.id);

  const std::uint32_t local_index = keypair->local_index();
  const bool confirms =
      peer.next.load(std::memory_order_acquire) == keypair && keypair->claim_confirmation();
  const bool wants_rekey = keypair->wants_rekey_after_receive(now) && keypair->claim_rekey();
  const wg::PublishedPath* const path = peer.path.load(std::memory_order_acquire);
  const bool roamed = path == nullptr || path->path.direct != from;
  const auto kind = size == 0 ? wg::PacketKind::Keepalive : wg::PacketKind::Data;
  if (wg::is_direct(peer, from.remote)) peer.activity.direct_received.set(now);
  note_activity(peer, wg::note_received(peer, kind, datagram.size(), now));
  if (roamed) engine_.on_roamed(peer.id, from);
  if (confirms) engine_.on_confirmed(peer.id, local_index, now, actions_);
  if (wants_rekey) engine_.on_rekey_wanted(peer.id, now, actions_);
  if (size > 0) deliver(peer, ByteView(text).first(size));
}

void WgStack::deliver(wg::DataPeer& peer, ByteView plaintext) {
  const auto length = ip::inner_length(plaintext);
  if (!length) {
    ++counters_.inner_bad;
    return;
  }
  const ByteView packet = plaintext.first(*length);
  if (routes_->find(ip::source_address(packet)) != &peer) {
    ++counters_.inner_source;
    return;
  }
  if (has_filter()) {
    const auto info = ip::parse_packet(packet);
    if (!info || filter_.check_inbound(*info, packet, time_.now()) != policy::Verdict::Accept) {
      ++counters_.filtered;
      return;
    }
  }
  note("delivered");
  observer_->on_delivered(peer.id, packet);
}

}  // namespace warren::sim
