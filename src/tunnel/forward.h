#pragma once

#include <optional>

#include "base/bytes.h"
#include "base/ip_address.h"
#include "base/time.h"
#include "io/udp_sender.h"
#include "tunnel/drop_reason.h"
#include "tunnel/link.h"
#include "tunnel/transmit.h"

namespace warren::tunnel {

// What a hub carries: packets of one peer that are for another, from where they were opened to
// where they are sealed again, without the device. One of the two speaks plain WireGuard; between
// mesh nodes, who have ways of their own, nothing is carried, and nothing goes back to its sender.
//
// The filter stands in for that of a device, which has none: it is asked about packets to a device
// as if they came in here, and notes those from a device as if they began here, so that answers
// come back whatever the rules say. What a mesh node lets in it decides itself. The hop limit
// stays: cryptokey routing lets no packet come here twice.
//
// The packets lie where they were received until finish(). One thread; allocates nothing.
class ForwardPass {
 public:
  // References outlive it.
  ForwardPass(Link& link, Transmitter& transmit, io::UdpSender& sender, Counters& counters)
      : link_(link), transmit_(transmit), sender_(sender), counters_(counters) {}

  // Before the packets of a port, and after them.
  void begin();
  void finish(const Topology& topology, TimePoint now);

  // A packet of `from`, whose source is its own, that is not for the device.
  void take(const wg::DataPeer& from, ByteView packet, const Topology& topology, TimePoint now);
  // What we answer ourselves, to the peer that asked.
  void answer(wg::DataPeer& to, ByteView packet, const Topology& topology, TimePoint now);

 private:
  wg::DataPeer* find_peer(const IpAddress& destination, const Topology& topology);
  bool may_pass(const wg::DataPeer& from, const wg::DataPeer& to, ByteView packet, TimePoint now);

  Link& link_;
  Transmitter& transmit_;
  io::UdpSender& sender_;
  Counters& counters_;
  std::optional<IpAddress> cached_destination_;  // of the last lookup in this topology
  wg::DataPeer* cached_peer_ = nullptr;
};

}  // namespace warren::tunnel
