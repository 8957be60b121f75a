#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "base/time.h"
#include "base/udp_path.h"
#include "io/udp_port.h"

namespace warren::io {

// Equal-sized datagrams end to end in memory, only the last may be shorter: one UDP_SEGMENT
// message.
struct OutMessage {
  const UdpPath* path = nullptr;  // outlives the call
  const std::uint8_t* data = nullptr;
  std::uint32_t size = 0;
  std::uint16_t segment_size = 0;  // of each datagram but the last; >= size: a single datagram
  std::uint8_t tos = 0;            // outer DSCP and ECN
  int error = 0;  // set by send(): 0, or the errno that lost (part of) this message
  // Set by send(): the kernel refused the path's source; clear it and tell the path engine. The
  // message itself went out without it when `error` is 0.
  bool source_refused = false;
};

// What send() could not do as asked. Relaxed: written by the sending thread, read by anyone.
struct UdpSenderStats {
  std::atomic<std::uint64_t> datagrams = 0;
  std::atomic<std::uint64_t> messages = 0;
  std::atomic<std::uint64_t> gso_retries = 0;  // messages sent again datagram by datagram
  std::atomic<std::uint64_t> send_buffer =
      0;  // datagrams lost: EAGAIN for longer than kSendWait, ENOBUFS
  std::atomic<std::uint64_t> forbidden = 0;        // datagrams lost to EPERM: a local firewall
  std::atomic<std::uint64_t> send_errors = 0;      // datagrams lost to any other error
  std::atomic<std::uint64_t> sources_refused = 0;  // messages sent again without sticky source
  std::atomic<bool> gso_enabled = true;
};

// Sends batches with UDP_SEGMENT and falls back where that fails (spec: data-plane sections 3.1
// to 3.3): off for the sockets on EIO until the network changes, off for one destination for ten
// minutes on EINVAL and EMSGSIZE. One thread; never allocates.
class UdpSender {
 public:
  static constexpr std::size_t kMaxMessages = 64;        // per sendmmsg
  static constexpr std::size_t kPlainDestinations = 64;  // remembered; the oldest gives way
  static constexpr std::size_t kMaxSegments = 64;        // data-plane section 3.2
  static constexpr Duration kPlainFor = std::chrono::minutes(10);  // data-plane section 3.3
  static constexpr std::chrono::milliseconds kSendWait = 10ms;     // data-plane section 3.3, EAGAIN

  UdpSender(UdpPorts ports, bool use_gso);
  ~UdpSender();

  // Sends all of them in order; each message's `error` says how it went. A message that fails costs
  // no other. The sticky source of a path that the kernel refuses is left out and the message tried
  // once more. Messages of more than kMaxSegments datagrams or 65,507 bytes are sent in several
  // parts. Waits at most kSendWait for a full send buffer, once a call.
  void send(std::span<OutMessage> messages, TimePoint now);

  // Other interfaces carry the packets now: what the old ones could not do is tried again.
  void on_network_change();

  const UdpSenderStats& stats() const { return stats_; }

 private:
  class Call;    // the state of one send()
  struct Batch;  // headers, addresses and control messages of one sendmmsg

  bool is_plain(const Endpoint& destination, TimePoint now) const;
  void remember_plain(const Endpoint& destination, TimePoint now);

  UdpPorts ports_;
  bool use_gso_;
  UdpSenderStats stats_;
  std::unique_ptr<Batch> batch_;
};

}  // namespace warren::io
