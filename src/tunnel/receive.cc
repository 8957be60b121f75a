#include "tunnel/receive.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "proto/disco/frame.h"
#include "proto/ip/ecn.h"
#include "proto/ip/tsmp.h"
#include "proto/stun/binding.h"
#include "proto/wireguard/messages.h"
#include "tunnel/segments.h"
#include "tunnel/splitter.h"
#include "wg/cookie.h"
#include "wg/relayed_source.h"

namespace warren::tunnel {

namespace {

// Between two datagrams without a key that control hears of: strangers' floods cost it no more.
constexpr Duration kUnknownIndexInterval = 10ms;

// Spec: paths section 0.2, rows 1 and 4; no such datagram passes for a WireGuard message.
bool is_about_paths(ByteView datagram) {
  return stun::looks_like_binding_success(datagram) || disco::looks_like_frame(datagram);
}

}  // namespace

ReceivePass::ReceivePass(
    Link& link, io::TunPort& tun, PacketCipher& cipher, ForwardPass& forward, Counters& counters)
    : link_(link),
      tun_(tun),
      cipher_(cipher),
      forward_(forward),
      counters_(counters),
      coalescer_(*this, {.tcp = false, .udp = false}) {}

void ReceivePass::begin(const Topology& topology) {
  // Pointers of the last round may be gone.
  cached_keypair_ = nullptr;
  cached_source_peer_ = nullptr;
  cached_destination_.reset();
  peer_run_ = {};
  device_error_ = 0;
  if (topology.forwarding || topology.filter) forward_.begin();
  coalescer_.set_switches(
      {.tcp = topology.merge.tcp && !refused_.tcp, .udp = topology.merge.udp && !refused_.udp});
}

void ReceivePass::finish(const Topology& topology, TimePoint now, int& device_error) {
  open_run(topology, now);
  finish_peer_run(now);
  coalescer_.flush();
  if (topology.forwarding || topology.filter) forward_.finish(topology, now);
  if (device_error_ != 0) device_error = device_error_;
}

bool ReceivePass::run(io::UdpPort& port,
                      const Topology& topology,
                      TimePoint now,
                      int& device_error) {
  begin(topology);
  int error = 0;
  const std::span<io::InMessage> messages = receiver_.receive(port, error);
  counters_.count(Counter::UdpMessagesReceived, messages.size());
  for (const io::InMessage& message : messages) {
    counters_.count(Counter::UdpBytesReceived, message.size);
    // Per datagram, not per buffer: datagrams of equal size share one, whatever they are
    // (data-plane section 3.6).
    Segments segments({message.data, message.size}, message.segment_size);
    while (!segments.done()) {
      const MutableByteView datagram = segments.next();
      counters_.count(Counter::UdpDatagramsReceived);
      switch (classify(datagram)) {
        case DatagramKind::Data:
          if (!take_data(datagram, {.message = &message, .region = {}}, topology, now))
            tell_unknown_index({message.from.remote}, now);
          break;
        case DatagramKind::Control:
          take_handshake(datagram, message, topology);
          break;
        case DatagramKind::Runt:
          counters_.drop(DropReason::RxRunt);
          break;
        case DatagramKind::Unknown:
          if (link_.paths != nullptr && is_about_paths(datagram)) {
            take_path_datagram(datagram, message);
          } else {
            counters_.drop(DropReason::RxUnknown);
          }
          break;
      }
    }
  }
  finish(topology, now, device_error);
  if (std::exchange(has_path_datagrams_, false)) link_.to_control.signal();
  return !messages.empty();
}

bool ReceivePass::run_relayed(const Topology& topology, TimePoint now, int& device_error) {
  begin(topology);
  io::DatagramRing& ring = link_.paths->relay.inbound;
  std::size_t count = 0;
  for (; count < kMaxRelayed; ++count) {
    const auto entry = ring.next();
    if (!entry) break;
    counters_.count(Counter::RelayDatagramsReceived);
    counters_.count(Counter::RelayBytesReceived, entry->datagram.size());
    if (classify(entry->datagram) == DatagramKind::Data) {
      if (!take_data(entry->datagram, {.message = nullptr, .region = entry->route.region}, topology,
                     now))
        tell_unknown_index({entry->route}, now);
    } else {
      counters_.drop(DropReason::RxUnknown);  // the relay client gives everything else to control
    }
  }
  finish(topology, now, device_error);
  ring.release();
  return count > 0;
}

void ReceivePass::take_path_datagram(ByteView datagram, const io::InMessage& message) {
  if (datagram.size() > PathDatagram::kMaxSize) {
    counters_.drop(DropReason::PathTooLarge);
    return;
  }
  PathDatagram* const entry = link_.paths->datagrams.claim();
  if (entry == nullptr) {
    counters_.drop(DropReason::PathFull);
    return;
  }
  entry->from = message.from;
  entry->size = static_cast<std::uint32_t>(datagram.size());
  std::ranges::copy(datagram, entry->bytes.begin());
  link_.paths->datagrams.commit();
  has_path_datagrams_ = true;
}

void ReceivePass::take_handshake(ByteView datagram,
                                 const io::InMessage& message,
                                 const Topology& topology) {
  // The engine checks mac1 again; here it keeps strangers' floods out of the ring. A cookie reply
  // has none.
  const bool has_mac1 = datagram.size() != wireguard::kCookieReplySize;
  const bool is_pretended =
      link_.paths != nullptr && wg::is_relayed_source(message.from.remote.address);
  if (is_pretended || (has_mac1 && !wg::mac1_is_valid(topology.mac1_key, datagram))) {
    counters_.drop(DropReason::RxUnknown);
    return;
  }
  HandshakeDatagram* const entry = link_.handshakes.claim();
  if (entry == nullptr) {
    counters_.drop(DropReason::ControlFull);
    return;
  }
  entry->from = message.from;
  entry->size = static_cast<std::uint32_t>(datagram.size());
  std::ranges::copy(datagram, entry->bytes.begin());
  link_.handshakes.commit();
  link_.to_control.signal();
}

bool ReceivePass::take_data(MutableByteView datagram,
                            const Origin& origin,
                            const Topology& topology,
                            TimePoint now) {
  const auto header = wireguard::decode_data_header(datagram);
  if (!header) {
    counters_.drop(DropReason::RxRunt);
    return true;
  }
  if (cached_keypair_ == nullptr || cached_index_ != header->receiver) {
    cached_index_ = header->receiver;
    cached_keypair_ = link_.indexes.find(header->receiver);
  }
  if (cached_keypair_ == nullptr) {
    counters_.drop(DropReason::RxIndex);
    return false;
  }
  // Plain WireGuard knows no relays.
  if (origin.message == nullptr && cached_keypair_->peer().roams()) {
    counters_.drop(DropReason::RxUnknown);
    return true;
  }
  if (!cached_keypair_->may_receive(now)) {
    counters_.drop(DropReason::RxKeyExpired);
    return true;
  }
  if (run_size_ == kMaxRun) open_run(topology, now);
  jobs_[run_size_] = {
      .key = cached_keypair_->receive_key().bytes().data(),
      .counter = header->counter,
      .data = datagram.data() + wireguard::kDataHeaderSize,
      .size = static_cast<std::uint32_t>(datagram.size() - wireguard::kDataOverhead)};
  packets_[run_size_] = {.keypair = cached_keypair_, .origin = origin};
  ++run_size_;
  return true;
}

void ReceivePass::tell_unknown_index(const UnknownIndex& event, TimePoint now) {
  if (link_.paths == nullptr || now < next_unknown_index_) return;
  next_unknown_index_ = now + kUnknownIndexInterval;
  post(link_, counters_, event);
}

void ReceivePass::open_run(const Topology& topology, TimePoint now) {
  if (run_size_ == 0) return;
  cipher_.open(std::span(jobs_).first(run_size_));
  counters_.count(Counter::OpenRuns);
  for (std::size_t i = 0; i < run_size_; ++i) {
    const CipherJob& job = jobs_[i];
    if (!job.ok) {
      counters_.drop(DropReason::RxAuth);
    } else if (!packets_[i].keypair->accept(job.counter)) {
      counters_.drop(DropReason::RxReplay);
    } else {
      note_authenticated(packets_[i], job.size, now);
      if (job.size > 0) deliver(job, packets_[i], topology, now);
    }
  }
  run_size_ = 0;
}

void ReceivePass::note_authenticated(const Packet& packet, std::uint32_t size, TimePoint now) {
  wg::Keypair& keypair = *packet.keypair;
  wg::DataPeer& peer = keypair.peer();
  if (peer_run_.peer != &peer) {
    finish_peer_run(now);
    peer_run_.peer = &peer;
  }
  peer_run_.bytes += size + wireguard::kDataOverhead;
  peer_run_.data |= size > 0;

  if (peer.next.load(std::memory_order_acquire) == &keypair && keypair.claim_confirmation() &&
      !post(link_, counters_, Confirmed{peer.id, keypair.local_index()})) {
    keypair.unclaim_confirmation();
  }
  if (keypair.wants_rekey_after_receive(now) && keypair.claim_rekey() &&
      !post(link_, counters_, RekeyWanted{peer.id})) {
    keypair.unclaim_rekey();
  }
  const io::InMessage* const message = packet.origin.message;
  if (message == nullptr) {
    peer_run_.region = packet.origin.region;
  } else if (peer_run_.message != message) {
    peer_run_.message = message;
    note_source(peer, *message);
  }
}

void ReceivePass::note_source(wg::DataPeer& peer, const io::InMessage& message) {
  if (!peer.roams()) {
    peer_run_.direct |= wg::is_direct(peer, message.from.remote);
    return;
  }
  const wg::PublishedPath* const path = peer.path.load(std::memory_order_acquire);
  if (path == nullptr || path->path.direct != message.from) {
    post(link_, counters_, Roamed{peer.id, message.from});
  }
}

void ReceivePass::finish_peer_run(TimePoint now) {
  if (peer_run_.peer == nullptr) return;
  wg::Activity& activity = peer_run_.peer->activity;
  if (peer_run_.direct) activity.direct_received.set(now);
  if (peer_run_.region != relay::kNoRegion)
    activity.relayed_by.store(peer_run_.region.value, std::memory_order_relaxed);
  const auto kind = peer_run_.data ? wg::PacketKind::Data : wg::PacketKind::Keepalive;
  if (wg::note_received(*peer_run_.peer, kind, peer_run_.bytes, now)) {
    note_active(link_, *peer_run_.peer);
  }
  peer_run_ = {};
}

bool ReceivePass::source_belongs_to(const wg::DataPeer& peer,
                                    const IpAddress& source,
                                    const Topology& topology) {
  if (cached_source_peer_ == nullptr || cached_source_ != source) {
    cached_source_ = source;
    cached_source_peer_ = topology.allowed_ips->find(source);
  }
  return cached_source_peer_ == &peer;
}

void ReceivePass::deliver(const CipherJob& job,
                          const Packet& packet,
                          const Topology& topology,
                          TimePoint now) {
  const MutableByteView plaintext(job.data, job.size);
  const auto size = ip::inner_length(plaintext);
  if (!size) {
    counters_.drop(DropReason::InnerBad);
    return;
  }
  const MutableByteView inner = plaintext.first(*size);
  if (!source_belongs_to(packet.keypair->peer(), ip::source_address(inner), topology)) {
    counters_.drop(DropReason::InnerSource);
    return;
  }
  // The mark of a relay's stream is the stream's own business.
  const io::InMessage* const message = packet.origin.message;
  const ip::Ecn outer = message == nullptr ? ip::Ecn::NotEct : ip::ecn_of(message->tos);
  if (outer != ip::Ecn::NotEct) {
    const auto ecn = ip::ecn_decapsulate(ip::get_ecn(inner), outer);
    if (!ecn) {
      counters_.drop(DropReason::EcnDrop);
      return;
    }
    ip::set_ecn(inner, *ecn);
  }
  const bool local = is_local(ip::destination_address(inner), topology);
  if (topology.forwarding && !local) {
    forward_.take(packet.keypair->peer(), inner, topology, now);
    return;
  }
  const Destination destination = local ? Destination::Local : Destination::Forwarded;
  if (topology.filter) {
    deliver_filtered(packet.keypair->peer(), inner, destination, topology, now);
  } else {
    coalescer_.add(inner, destination);
  }
}

void ReceivePass::deliver_filtered(wg::DataPeer& peer,
                                   MutableByteView packet,
                                   Destination destination,
                                   const Topology& topology,
                                   TimePoint now) {
  const auto info = ip::parse_packet(packet);
  if (!info) {
    counters_.drop(DropReason::FilterBadHeader);
    return;
  }
  policy::PacketFilter& filter = *link_.packet_filter;
  const policy::Verdict verdict = filter.check_inbound(*info, packet, now);
  if (verdict != policy::Verdict::Accept) {
    counters_.drop(drop_reason(verdict));
    filter.drops().note(peer.id.value, *info, verdict, now);
  } else if (info->protocol == ip::protocol::kTsmp) {
    answer_tsmp(peer, packet, *info, topology, now);
  } else {
    coalescer_.add(packet, destination);
  }
}

// The host never sees TSMP. What is no ping is for features that we do not have.
void ReceivePass::answer_tsmp(wg::DataPeer& peer,
                              MutableByteView packet,
                              const ip::PacketInfo& info,
                              const Topology& topology,
                              TimePoint now) {
  static_assert(ip::kTsmpPongGrowth <= wireguard::kTagSize);
  // The tag that lies behind the packet has been checked: the pong grows into it.
  const MutableByteView room(packet.data(), packet.size() + ip::kTsmpPongGrowth);
  const auto pong = ip::make_tsmp_pong(room, info, 0);
  if (pong) {
    forward_.answer(peer, *pong, topology, now);
  } else {
    counters_.drop(DropReason::TsmpIgnored);
  }
}

bool ReceivePass::is_local(const IpAddress& destination, const Topology& topology) {
  if (cached_destination_ != destination) {
    cached_destination_ = destination;
    cached_destination_is_local_ =
        std::ranges::find(topology.local_addresses, destination) != topology.local_addresses.end();
  }
  return cached_destination_is_local_;
}

void ReceivePass::write(const TunWrite& write) {
  const int error = -write_parts(write.parts);
  if (error == 0) {
    counters_.count(Counter::TunWrites);
    counters_.count(Counter::TunWritePackets, write.packets());
    counters_.count(Counter::TunWriteBytes, write.size);
    return;
  }
  if (error == EINVAL && write.is_merged()) {
    refuse_merged(write.gso_type);
    write_apart(write, *this);
  } else if (error == EIO) {
    counters_.drop(DropReason::TunDown, write.packets());
  } else if (error == EBADFD) {
    device_error_ = error;
  } else {
    counters_.drop(DropReason::TunWriteError, write.packets());
  }
}

int ReceivePass::write_parts(std::span<const BufferPart> parts) {
  std::array<iovec, Coalescer::kMaxParts> vectors;
  for (std::size_t i = 0; i < parts.size(); ++i) vectors[i] = {parts[i].data, parts[i].size};
  return tun_.write(std::span(vectors).first(parts.size()));
}

// The kernel advertised an offload that it rejects (spec: data-plane section 2.1): not again until
// restart.
void ReceivePass::refuse_merged(virtio::GsoType type) {
  (type == virtio::GsoType::Udp ? refused_.udp : refused_.tcp) = true;
}

}  // namespace warren::tunnel
