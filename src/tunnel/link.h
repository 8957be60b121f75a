#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <variant>

#include "base/snapshot.h"
#include "base/time.h"
#include "base/udp_path.h"
#include "io/event_fd.h"
#include "policy/packet_filter.h"
#include "proto/wireguard/messages.h"
#include "tunnel/coalescer.h"
#include "tunnel/drop_reason.h"
#include "tunnel/path_link.h"
#include "tunnel/reclaimer.h"
#include "tunnel/spsc_ring.h"
#include "wg/allowed_ips.h"
#include "wg/data_peer.h"
#include "wg/index_table.h"

// Everything that the control strand and one packet worker share (spec: data-plane
// sections 5.5, 5.6).
namespace warren::tunnel {

// What a worker decides by; immutable, swapped whole.
struct Topology {
  std::shared_ptr<const wg::AllowedIps> allowed_ips = std::make_shared<const wg::AllowedIps>();
  std::vector<IpAddress> local_addresses;  // of the device: UDP is merged only towards these
  unsigned mtu = 1420;
  Coalescer::Switches merge;                     // what the device accepts of us
  SymmetricKey mac1_key;                         // of messages to us
  std::shared_ptr<const policy::Filter> filter;  // null: nothing is checked (plain WireGuard)
  bool forwarding = false;  // packets of one peer for another are ours to carry (forward.h)
};

// --- worker to control

// A handshake message that came by UDP: the worker has checked its length and mac1.
struct HandshakeDatagram {
  UdpPath from;
  std::uint32_t size = 0;
  std::array<std::uint8_t, wireguard::kInitiationSize> bytes{};  // the longest
};

struct Confirmed {  // first authenticated packet under `next`
  wg::PeerId peer;
  std::uint32_t local_index = 0;
};

struct RekeyWanted {
  wg::PeerId peer;
};

struct SendWanted {  // a packet was staged: there is no key
  wg::PeerId peer;
};

struct Roamed {  // a peer that speaks plain WireGuard
  wg::PeerId peer;
  UdpPath from;
};

struct NothingStaged {  // answers Flush with or_keepalive
  wg::PeerId peer;
};

struct DeviceFailed {  // errno of the TUN device; the worker has ended
  int error = 0;
};

using WorkerEvent = std::
    variant<Confirmed, RekeyWanted, SendWanted, Roamed, NothingStaged, DeviceFailed, UnknownIndex>;

// --- control to worker

struct Flush {
  wg::PeerId peer;
  bool or_keepalive = false;
};

struct Drop {
  wg::PeerId peer;
};

struct NetworkChanged {};  // other interfaces carry the packets now

using WorkerCommand = std::variant<Flush, Drop, NetworkChanged>;

// Rings are bounded. What the worker cannot tell control is counted (control_full); a peer that
// cannot be put into `active` is with its next batch; a command that does not fit is asked for
// again.
struct Link {
  // `index_table` outlives the link. `path_link` is null in plain WireGuard mode.
  Link(const wg::IndexTable& index_table,
       std::unique_ptr<PathLink> path_link,
       io::EventFd wake_control,
       io::EventFd wake_worker)
      : indexes(index_table),
        paths(std::move(path_link)),
        to_control(std::move(wake_control)),
        to_worker(std::move(wake_worker)) {}

  const wg::IndexTable& indexes;
  const std::unique_ptr<PathLink> paths;
  Snapshot<Topology> topology{std::make_shared<const Topology>()};
  Reclaimer reclaimer;
  // The worker's, where a topology has a filter: made by control before the first such topology is
  // published, and here because flows outlive a worker.
  std::unique_ptr<policy::PacketFilter> packet_filter;

  SpscRing<HandshakeDatagram, 512> handshakes;
  SpscRing<WorkerEvent, 1024> events;
  SpscRing<wg::PeerId, 4096> active;  // peers with fresh stamps (wg::Activity::noted)
  SpscRing<WorkerCommand, 1024> commands;

  io::EventFd to_control;  // something is in handshakes, events or paths->datagrams, or in `active`
                           // while control naps
  io::EventFd
      to_worker;  // something is in commands or came through a relay, or the topology changed
  std::atomic<bool> control_naps = true;  // control does not look at `active` unless woken
};

// Worker: false, and counted, when the ring is full. What is reported is either asked for again
// with a later packet, or the caller keeps it.
inline bool post(Link& link, Counters& counters, const WorkerEvent& event) {
  const bool posted = link.events.push(event);
  if (!posted) counters.drop(DropReason::ControlFull);
  link.to_control.signal();
  return posted;
}

// Worker: the peer got its first stamp since the engine looked (wg::note_sent, wg::note_received
// said so).
inline void note_active(Link& link, wg::DataPeer& peer) {
  if (!link.active.push(peer.id)) {
    peer.activity.noted.store(false, std::memory_order_relaxed);  // the next batch tries again
    return;
  }
  if (link.control_naps.load(std::memory_order_seq_cst) &&
      link.control_naps.exchange(false, std::memory_order_seq_cst)) {
    link.to_control.signal();
  }
}

}  // namespace warren::tunnel
