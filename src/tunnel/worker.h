#pragma once

#include <memory>

#include "crypto/packet_cipher.h"
#include "io/clock.h"
#include "io/epoll.h"
#include "io/tun_port.h"
#include "io/udp_sender.h"
#include "tunnel/drop_reason.h"
#include "tunnel/forward.h"
#include "tunnel/link.h"
#include "tunnel/receive.h"
#include "tunnel/transmit.h"

namespace warren::tunnel {

// The duplex packet worker (spec: data-plane section 5.1, stage S1): one thread, one TUN queue, a
// UDP socket for each family. It blocks only in epoll, and in a round never allocates, locks, or
// reads the clock more than once.
class Worker {
 public:
  // All references outlive the worker.
  Worker(Link& link,
         io::TunPort& tun,
         io::UdpPorts ports,
         bool use_gso,
         std::unique_ptr<PacketCipher> cipher,
         Counters& counters,
         const io::MonotonicClock& clock);

  // Until `stop` is signalled or the device is gone. Fails only before the first round.
  Result<void> run(const io::EventFd& stop);

  // One round: everything that is there now, up to the quantum. True when there may be more. For
  // run(), and for tests.
  bool round();

  const io::UdpSenderStats& sender_stats() const { return sender_.stats(); }

  const io::UdpReceiver& receiver() const { return receive_.receiver(); }

 private:
  void use_filter();
  void run_commands(TimePoint now);
  void fail(int device_error);

  Link& link_;
  io::TunPort& tun_;
  io::UdpPorts ports_;
  std::unique_ptr<PacketCipher> cipher_;
  Counters& counters_;
  const io::MonotonicClock& clock_;
  Snapshot<Topology>::Reader topology_;
  io::UdpSender sender_;
  Transmitter transmit_;
  ForwardPass forward_;
  ReceivePass receive_;
  bool ended_ = false;
};

}  // namespace warren::tunnel
