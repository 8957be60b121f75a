#include "tunnel/transmit.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "proto/ip/packet.h"
#include "proto/wireguard/messages.h"
#include "tunnel/splitter.h"
#include "tunnel/trains.h"

namespace warren::tunnel {

namespace {

constexpr std::size_t kAlignment =
    64;  // packets start on a cache line: the copy and the sum like it

// Whether what was staged came from the device.
bool is_from_here(ByteView packet, const Topology& topology) {
  return std::ranges::find(topology.local_addresses, ip::source_address(packet)) !=
         topology.local_addresses.end();
}

std::size_t align_up(std::size_t offset) {
  return (offset + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

Transmitter::Transmitter(Link& link, io::TunPort& tun, PacketCipher& cipher, Counters& counters)
    : link_(link),
      tun_(tun),
      cipher_(cipher),
      counters_(counters),
      tun_arena_(
          std::make_unique_for_overwrite<std::uint8_t[]>(kQuantum + kMaxPacket + kAlignment)),
      send_arena_(std::make_unique_for_overwrite<std::uint8_t[]>(kSendArena)) {}

bool Transmitter::run(io::UdpSender& sender,
                      const Topology& topology,
                      TimePoint now,
                      int& device_error) {
  cached_peer_ = nullptr;  // what the last round found may be gone
  begin_batch(Origin::Device);
  std::size_t used = 0;
  std::size_t reads = 0;
  while (used < kQuantum && reads < kMaxItems) {
    std::array<std::uint8_t, virtio::kNetHeaderSize> header{};
    const MutableByteView room(tun_arena_.get() + used, kMaxPacket);
    const ssize_t size = tun_.read(header, room);
    if (size < 0) {
      if (size != -EAGAIN) device_error = static_cast<int>(-size);
      break;
    }
    ++reads;
    counters_.count(Counter::TunReads);
    counters_.count(Counter::TunReadBytes, static_cast<std::uint64_t>(size));
    const ByteView packet = room.first(static_cast<std::size_t>(size));
    if (add_item(header, packet, topology, now)) used = align_up(used + packet.size());
  }
  send_groups(sender, topology, now);
  return used >= kQuantum || reads == kMaxItems;
}

void Transmitter::begin_batch(Origin origin) {
  origin_ = origin;
  item_count_ = 0;
  group_count_ = 0;
}

// True when the packet is among the items of this quantum, so that its bytes must stay.
bool Transmitter::add_item(std::span<const std::uint8_t, virtio::kNetHeaderSize> header,
                           ByteView packet,
                           const Topology& topology,
                           TimePoint now) {
  const auto info = ip::parse_packet(packet);
  const auto net_header = virtio::decode_net_header(header);
  if (!info || !net_header) {
    counters_.drop(DropReason::TunBadHeader);
    return false;
  }
  // Whoever forwards has asked already.
  if (topology.filter && origin_ == Origin::Device) {
    const policy::Verdict verdict = link_.packet_filter->check_outbound(*info, now);
    if (verdict != policy::Verdict::Accept) {
      counters_.drop(drop_reason(verdict));
      return false;
    }
  }
  wg::DataPeer* const peer = find_peer(info->destination, topology);
  if (peer == nullptr) {
    counters_.drop(DropReason::NoPeer);
    return false;
  }
  return add_to_group(*peer, header, *net_header, packet, now);
}

bool Transmitter::add_to_group(wg::DataPeer& peer,
                               std::span<const std::uint8_t, virtio::kNetHeaderSize> header,
                               const virtio::NetHeader& net_header,
                               ByteView packet,
                               TimePoint now) {
  wg::Keypair* const keypair = wg::sending_keypair(peer, now);
  if (keypair == nullptr) {
    stage(peer, header, packet, now);
    return false;
  }
  const wg::PublishedPath* const path = peer.path.load(std::memory_order_acquire);
  if (path == nullptr) {
    counters_.drop(DropReason::PathNone);
    // Whoever manages paths looks for one when something was sent.
    if (!peer.roams() && wg::note_sent(peer, wg::PacketKind::Data, 0, now))
      note_active(link_, peer);
    return false;
  }
  const auto known = std::span(groups_).first(group_count_);
  auto group = std::ranges::find(known, &peer, &Group::peer);
  if (group == known.end()) {
    groups_[group_count_] = {.peer = &peer, .keypair = keypair, .path = &path->path};
    group = known.end();  // the entry just filled
    ++group_count_;
  }
  items_[item_count_++] = {.header = net_header,
                           .packet = packet,
                           .group = static_cast<std::uint8_t>(group - known.begin())};
  return true;
}

wg::DataPeer* Transmitter::find_peer(const IpAddress& destination, const Topology& topology) {
  if (cached_peer_ == nullptr || cached_destination_ != destination) {
    cached_destination_ = destination;
    cached_peer_ = topology.allowed_ips->find(destination);
  }
  return cached_peer_;
}

void Transmitter::stage(wg::DataPeer& peer,
                        std::span<const std::uint8_t, virtio::kNetHeaderSize> header,
                        ByteView packet,
                        TimePoint now) {
  const Staging::Added added = staging_.add(peer.id, header, packet, now);
  counters_.drop(DropReason::StagedOverflow, added.dropped);
  if (added.ask) post(link_, counters_, SendWanted{peer.id});
}

void Transmitter::send_groups(io::UdpSender& sender, const Topology& topology, TimePoint now) {
  for (std::size_t i = 0; i < group_count_; ++i) send_group(i, sender, topology, now);
  empty_arena(sender, now);
}

void Transmitter::send_group(std::size_t index,
                             io::UdpSender& sender,
                             const Topology& topology,
                             TimePoint now) {
  const Group& group = groups_[index];
  std::uint64_t bytes = 0;
  for (const Item& item : std::span(items_).first(item_count_)) {
    if (item.group != index) continue;
    auto splitter = Splitter::create(item.header, item.packet);
    if (!splitter) {
      counters_.drop(DropReason::TunBadHeader);
      continue;
    }
    auto counter = group.keypair->reserve(splitter->count());
    if (!counter) {
      counters_.drop(DropReason::CounterExhausted, splitter->count());
      continue;
    }
    if (origin_ == Origin::Device) {
      counters_.count(Counter::TunReadPackets, splitter->count());
    } else {
      counters_.count(Counter::ForwardedPackets, splitter->count());
      counters_.count(Counter::ForwardedBytes, item.packet.size());
    }
    while (!splitter->done()) {
      const std::size_t packet_size = splitter->next_size();
      if (arena_used_ + packet_size + wireguard::kPaddingMultiple + wireguard::kDataOverhead >
              kSendArena ||
          size_count_ == kMaxDatagrams) {
        end_group(group, sender, now);
        empty_arena(sender, now);
      }
      const MutableByteView out(send_arena_.get() + arena_used_ + wireguard::kDataHeaderSize,
                                packet_size);
      splitter->next(out);
      const std::size_t before = arena_used_;
      append_datagram(group, packet_size, (*counter)++, topology);
      bytes += arena_used_ - before;
    }
  }
  end_group(group, sender, now);
  if (bytes > 0) after_sending(group, bytes, now);
}

// The packet lies behind the place of its header, at the end of what the arena holds.
void Transmitter::append_datagram(const Group& group,
                                  std::size_t packet_size,
                                  std::uint64_t counter,
                                  const Topology& topology) {
  std::uint8_t* const datagram = send_arena_.get() + arena_used_;
  std::uint8_t* const text = datagram + wireguard::kDataHeaderSize;
  const std::size_t text_size = wireguard::padded_size(packet_size, topology.mtu);
  std::fill(text + packet_size, text + text_size, std::uint8_t{0});
  wireguard::encode_data_header({datagram, wireguard::kDataHeaderSize},
                                {.receiver = group.keypair->remote_index(), .counter = counter});
  jobs_[job_count_++] = {.key = group.keypair->send_key().bytes().data(),
                         .counter = counter,
                         .data = text,
                         .size = static_cast<std::uint32_t>(text_size)};
  if (job_count_ == kSealRun) seal_pending();
  const std::size_t size = text_size + wireguard::kDataOverhead;
  sizes_[size_count_++] = static_cast<std::uint16_t>(size);
  arena_used_ += size;
}

void Transmitter::end_group(const Group& group, io::UdpSender& sender, TimePoint now) {
  if (group.path->direct) add_messages(*group.path->direct, sender, now);
  if (group.path->relay && size_count_ > 0) push_to_relay(*group.path->relay);
  size_count_ = 0;
  group_start_ = arena_used_;
}

// Cuts the open group's datagrams into messages.
void Transmitter::add_messages(const UdpPath& path, io::UdpSender& sender, TimePoint now) {
  Trains trains(std::span(sizes_).first(size_count_));
  while (const auto train = trains.next()) {
    if (message_count_ == kMaxMessages) send_messages(sender, now);
    messages_[message_count_++] = {.path = &path,
                                   .data = send_arena_.get() + group_start_ + train->offset,
                                   .size = static_cast<std::uint32_t>(train->bytes),
                                   .segment_size = train->segment_size};
  }
}

// The open group's datagrams, one by one. The relay client is told once for all groups.
void Transmitter::push_to_relay(const relay::Route& route) {
  seal_pending();
  io::DatagramRing& ring = link_.paths->relay.outbound;
  const std::uint8_t* datagram = send_arena_.get() + group_start_;
  std::uint64_t pushed = 0;
  std::uint64_t bytes = 0;
  for (const std::uint16_t size : std::span(sizes_).first(size_count_)) {
    if (ring.push(route, {datagram, size})) {
      ++pushed;
      bytes += size;
    }
    datagram += size;
  }
  counters_.count(Counter::RelayDatagramsSent, pushed);
  counters_.count(Counter::RelayBytesSent, bytes);
  counters_.drop(DropReason::RelayFull, size_count_ - pushed);
  wakes_relay_ = true;
}

void Transmitter::seal_pending() {
  if (job_count_ == 0) return;
  counters_.count(Counter::SealRuns);
  cipher_.seal(std::span(jobs_).first(job_count_));
  job_count_ = 0;
}

void Transmitter::send_messages(io::UdpSender& sender, TimePoint now) {
  if (message_count_ == 0) return;
  seal_pending();
  const auto messages = std::span(messages_).first(message_count_);
  sender.send(messages, now);
  message_count_ = 0;
  for (const io::OutMessage& message : messages) {
    counters_.count(Counter::UdpBytesSent, message.size);
    if (message.source_refused || message.error != 0) heed_failure(message);
  }
}

void Transmitter::heed_failure(const io::OutMessage& message) {
  const auto groups = std::span(groups_).first(group_count_);
  const auto group = std::ranges::find_if(groups, [&](const Group& candidate) {
    return candidate.path->direct && &*candidate.path->direct == message.path;
  });
  WARREN_CHECK(group != groups.end());
  wg::DataPeer& peer = *group->peer;
  if (!peer.roams()) {
    bool is_news = message.source_refused && wg::note_source_refused(peer);
    is_news |= is_unreachable(message.error) && wg::note_unreachable(peer);
    if (is_news) note_active(link_, peer);
  } else if (message.source_refused) {
    // Our address or interface is gone: the kernel chooses from now on.
    post(link_, counters_,
         Roamed{.peer = peer.id, .from = {.remote = message.path->remote, .source = std::nullopt}});
  }
}

void Transmitter::empty_arena(io::UdpSender& sender, TimePoint now) {
  send_messages(sender, now);
  if (std::exchange(wakes_relay_, false)) link_.paths->to_relay.signal();
  arena_used_ = 0;
  group_start_ = 0;
}

void Transmitter::after_sending(const Group& group, std::uint64_t bytes, TimePoint now) {
  if (wg::note_sent(*group.peer, wg::PacketKind::Data, bytes, now)) note_active(link_, *group.peer);
  if (group.keypair->wants_rekey_after_send(now) && group.keypair->claim_rekey() &&
      !post(link_, counters_, RekeyWanted{group.peer->id})) {
    group.keypair->unclaim_rekey();
  }
}

void Transmitter::flush_staged(const Flush& flush,
                               io::UdpSender& sender,
                               const Topology& topology,
                               TimePoint now) {
  // Through the same path as fresh packets: the peer may have changed its prefixes, or lost its key
  // again.
  cached_peer_ = nullptr;
  std::size_t left = staging_.count(flush.peer);
  if (left == 0 && flush.or_keepalive) post(link_, counters_, NothingStaged{flush.peer});
  std::array<std::uint8_t, virtio::kNetHeaderSize> header{};
  const MutableByteView room(tun_arena_.get(), kMaxPacket);
  for (; left > 0; --left) {
    const ByteView packet = room.first(staging_.take(flush.peer, header, room));
    begin_batch(topology.forwarding && !is_from_here(packet, topology) ? Origin::Peer
                                                                       : Origin::Device);
    if (add_item(header, packet, topology, now)) send_groups(sender, topology, now);
  }
}

void Transmitter::drop_staged(wg::PeerId peer) {
  counters_.drop(DropReason::NoKey, staging_.drop(peer));
}

void Transmitter::begin_forwarding() {
  begin_batch(Origin::Peer);
}

void Transmitter::forward(wg::DataPeer& to,
                          ByteView packet,
                          io::UdpSender& sender,
                          const Topology& topology,
                          TimePoint now) {
  static constexpr std::array<std::uint8_t, virtio::kNetHeaderSize> kNoOffload{};
  if (item_count_ == kMaxItems) send_forwarded(sender, topology, now);
  add_to_group(to, kNoOffload, {}, packet, now);
}

void Transmitter::send_forwarded(io::UdpSender& sender, const Topology& topology, TimePoint now) {
  if (item_count_ > 0) send_groups(sender, topology, now);
  begin_batch(Origin::Peer);
}

}  // namespace warren::tunnel
