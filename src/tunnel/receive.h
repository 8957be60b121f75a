#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "base/time.h"
#include "crypto/packet_cipher.h"
#include "io/tun_port.h"
#include "io/udp_receiver.h"
#include "proto/ip/packet.h"
#include "tunnel/coalescer.h"
#include "tunnel/drop_reason.h"
#include "tunnel/forward.h"
#include "tunnel/link.h"

namespace warren::tunnel {

// UDP and relay to TUN (spec: data-plane section 5.3 RX): one batch of datagrams, index to keypair,
// open in runs, then in order replay window, padding, ECN, source check, coalesce, write; or
// forward to another peer. Handshake messages and, where paths are managed, STUN and disco go to
// the control strand. One thread; never allocates after construction.
class ReceivePass final : private WriteSink {
 public:
  // References outlive it.
  ReceivePass(
      Link& link, io::TunPort& tun, PacketCipher& cipher, ForwardPass& forward, Counters& counters);

  // True when the port had something. A device that is gone goes into `device_error` (errno).
  bool run(io::UdpPort& port, const Topology& topology, TimePoint now, int& device_error);
  // The same for what came through relays. Only where paths are managed.
  bool run_relayed(const Topology& topology, TimePoint now, int& device_error);

  const io::UdpReceiver& receiver() const { return receiver_; }

 private:
  static constexpr std::size_t kMaxRun = 256;  // packets opened together: four GRO buffers of 64
  static constexpr std::size_t kMaxRelayed = 256;  // datagrams a round: as many

  struct Origin {
    const io::InMessage* message = nullptr;  // null: it came through a relay
    relay::RegionId region;                  // that relay's
  };

  struct Packet {  // parallel to jobs_
    wg::Keypair* keypair = nullptr;
    Origin origin;
  };

  // What is added up for one peer while its packets follow each other.
  struct PeerRun {
    wg::DataPeer* peer = nullptr;
    std::uint64_t bytes = 0;
    bool data = false;
    bool direct = false;     // something came over the peer's direct path
    relay::RegionId region;  // of the relay that the last one came through; none: none did
    const io::InMessage* message =
        nullptr;  // the last one whose source was compared with the peer's path
  };

  void begin(const Topology& topology);
  void finish(const Topology& topology, TimePoint now, int& device_error);
  // False, and counted: it is for no key of ours.
  bool take_data(MutableByteView datagram,
                 const Origin& origin,
                 const Topology& topology,
                 TimePoint now);
  void tell_unknown_index(const UnknownIndex& event, TimePoint now);
  void take_handshake(ByteView datagram, const io::InMessage& message, const Topology& topology);
  void take_path_datagram(ByteView datagram, const io::InMessage& message);
  void open_run(const Topology& topology, TimePoint now);
  void deliver(const CipherJob& job, const Packet& packet, const Topology& topology, TimePoint now);
  void note_authenticated(const Packet& packet, std::uint32_t size, TimePoint now);
  void note_source(wg::DataPeer& peer, const io::InMessage& message);
  void finish_peer_run(TimePoint now);
  bool source_belongs_to(const wg::DataPeer& peer,
                         const IpAddress& source,
                         const Topology& topology);
  void deliver_filtered(wg::DataPeer& peer,
                        MutableByteView packet,
                        Destination destination,
                        const Topology& topology,
                        TimePoint now);
  void answer_tsmp(wg::DataPeer& peer,
                   MutableByteView packet,
                   const ip::PacketInfo& info,
                   const Topology& topology,
                   TimePoint now);
  bool is_local(const IpAddress& destination, const Topology& topology);

  // WriteSink: what the coalescer has made ready.
  void write(const TunWrite& write) override;
  int write_parts(std::span<const BufferPart> parts);
  void refuse_merged(virtio::GsoType type);

  Link& link_;
  io::TunPort& tun_;
  PacketCipher& cipher_;
  ForwardPass& forward_;
  Counters& counters_;
  io::UdpReceiver receiver_;
  Coalescer coalescer_;
  Coalescer::Switches refused_{.tcp = false, .udp = false};  // by the kernel, at run time
  int device_error_ = 0;
  TimePoint next_unknown_index_ = TimePoint::min();
  bool has_path_datagrams_ = false;  // which control was not told of yet

  std::array<CipherJob, kMaxRun> jobs_;
  std::array<Packet, kMaxRun> packets_;
  std::size_t run_size_ = 0;
  PeerRun peer_run_;
  std::uint32_t cached_index_ = 0;  // of the last lookup in this round
  wg::Keypair* cached_keypair_ = nullptr;
  IpAddress cached_source_;
  const wg::DataPeer* cached_source_peer_ = nullptr;
  std::optional<IpAddress> cached_destination_;
  bool cached_destination_is_local_ = false;
};

}  // namespace warren::tunnel
