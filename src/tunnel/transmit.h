#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "base/time.h"
#include "crypto/packet_cipher.h"
#include "io/tun_port.h"
#include "io/udp_sender.h"
#include "proto/virtio/net_header.h"
#include "tunnel/drop_reason.h"
#include "tunnel/link.h"
#include "tunnel/staging.h"

namespace warren::tunnel {

// TUN to UDP and relay, one quantum at a time (spec: data-plane section 5.3 TX): read up to 96 KiB,
// look up peers, group by peer, take counters for a whole group, split, pad and seal in the send
// arena, send everything in one go. Packets that are forwarded join at the look-up. One thread;
// never allocates after construction.
class Transmitter {
 public:
  Transmitter(Link& link, io::TunPort& tun, PacketCipher& cipher, Counters& counters);

  // True when there may be more to read. A device that is gone goes into `device_error` (errno).
  bool run(io::UdpSender& sender, const Topology& topology, TimePoint now, int& device_error);

  // Commands of the control strand: sends, or forgets, what was staged for a peer.
  void flush_staged(const Flush& flush,
                    io::UdpSender& sender,
                    const Topology& topology,
                    TimePoint now);
  void drop_staged(wg::PeerId peer);

  // Packets of other peers (forward.h), which the filter let pass: gathered, then sent like those
  // of the device. They stay where they are until send_forwarded().
  void begin_forwarding();
  void forward(wg::DataPeer& to,
               ByteView packet,
               io::UdpSender& sender,
               const Topology& topology,
               TimePoint now);
  void send_forwarded(io::UdpSender& sender, const Topology& topology, TimePoint now);

 private:
  static constexpr std::size_t kQuantum =
      std::size_t{96} * 1024;                       // data-plane section 5.1: about 60 us of work
  static constexpr std::size_t kMaxItems = 64;      // reads a quantum
  static constexpr std::size_t kMaxPacket = 65536;  // a super-packet and change
  static constexpr std::size_t kSendArena = std::size_t{256} * 1024;
  static constexpr std::size_t kSealRun =
      16;  // sealed together while the bytes are still in the nearest cache
  static constexpr std::size_t kMaxDatagrams = 2048;  // of one group, before they are sent
  static constexpr std::size_t kMaxMessages = io::UdpSender::kMaxMessages;

  struct Item {  // one packet or super-packet as read
    virtio::NetHeader header;
    ByteView packet;
    std::uint8_t group = 0;
  };

  struct Group {  // the items of this quantum for one peer, in order
    wg::DataPeer* peer = nullptr;
    wg::Keypair* keypair = nullptr;
    const wg::PeerPath* path = nullptr;
  };

  enum class Origin : std::uint8_t { Device, Peer };

  void begin_batch(Origin origin);
  bool add_item(std::span<const std::uint8_t, 10> header,
                ByteView packet,
                const Topology& topology,
                TimePoint now);
  bool add_to_group(wg::DataPeer& peer,
                    std::span<const std::uint8_t, 10> header,
                    const virtio::NetHeader& net_header,
                    ByteView packet,
                    TimePoint now);
  wg::DataPeer* find_peer(const IpAddress& destination, const Topology& topology);
  void stage(wg::DataPeer& peer,
             std::span<const std::uint8_t, 10> header,
             ByteView packet,
             TimePoint now);
  void send_groups(io::UdpSender& sender, const Topology& topology, TimePoint now);
  void send_group(std::size_t index,
                  io::UdpSender& sender,
                  const Topology& topology,
                  TimePoint now);
  void append_datagram(const Group& group,
                       std::size_t packet_size,
                       std::uint64_t counter,
                       const Topology& topology);
  void end_group(const Group& group, io::UdpSender& sender, TimePoint now);
  void add_messages(const UdpPath& path, io::UdpSender& sender, TimePoint now);
  void push_to_relay(const relay::Route& route);
  void seal_pending();
  void send_messages(io::UdpSender& sender, TimePoint now);
  void heed_failure(const io::OutMessage& message);
  void empty_arena(io::UdpSender& sender, TimePoint now);
  void after_sending(const Group& group, std::uint64_t bytes, TimePoint now);

  Link& link_;
  io::TunPort& tun_;
  PacketCipher& cipher_;
  Counters& counters_;
  Staging staging_;

  std::unique_ptr<std::uint8_t[]> tun_arena_;
  std::unique_ptr<std::uint8_t[]> send_arena_;
  std::size_t arena_used_ = 0;

  Origin origin_ = Origin::Device;  // of the items
  std::array<Item, kMaxItems> items_;
  std::size_t item_count_ = 0;
  std::array<Group, kMaxItems> groups_;
  std::size_t group_count_ = 0;

  std::array<CipherJob, kSealRun> jobs_;
  std::size_t job_count_ = 0;
  std::size_t group_start_ = 0;  // where in the arena the open group's datagrams begin
  std::array<std::uint16_t, kMaxDatagrams> sizes_;
  std::size_t size_count_ = 0;
  std::array<io::OutMessage, kMaxMessages> messages_;
  std::size_t message_count_ = 0;
  bool wakes_relay_ = false;  // something was pushed to the relay client since it was told

  IpAddress cached_destination_;  // of the last lookup in this round's topology
  wg::DataPeer* cached_peer_ = nullptr;
};

}  // namespace warren::tunnel
