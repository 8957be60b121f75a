#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

#include "policy/verdict.h"

// Why packets are lost, and what a worker counts (spec: data-plane section 5.7).
namespace warren::tunnel {

enum class DropReason : std::uint8_t {
  TunBadHeader,      // the virtio header does not fit its packet, or it is no IP packet
  TunDown,           // the device is down
  TunWriteError,     // the device refused the packet for another reason
  NoPeer,            // no allowed IPs cover the destination
  NoKey,             // no session, and staging is not possible
  StagedOverflow,    // pushed out of a full staging queue
  KeyExpired,        // the sending key is too old
  CounterExhausted,  // the sending key has no counters left
  PathNone,          // there is no way to the peer
  SendBuffer,        // the socket's buffer stayed full
  SendError,
  GsoRetry,  // segments of a message that failed as one and again apart
  AqmDrop,   // queue management
  RxRunt,    // shorter than any message
  RxUnknown,
  RxIndex,  // data for no key of ours
  RxAuth,
  RxReplay,
  RxKeyExpired,
  InnerBad,         // no IP packet inside
  InnerSource,      // a source address that is not the peer's
  FilterBadHeader,  // these in the order of policy::Verdict, both directions
  FilterUnknownProtocol,
  FilterExtensionHeader,
  FilterMulticast,
  FilterLinkLocal,
  FilterNotLocal,
  FilterNoRule,
  FilterNoFlow,
  FilterFragment,
  FilterBogon,
  FilterShieldsUp,
  FilterJailed,
  EcnDrop,         // RFC 6040: marked outside, not markable inside
  ControlFull,     // the ring to the control strand is full
  InjectFull,      // the ring of packets for the device is full
  RelayFull,       // the ring to the relay client is full
  PathFull,        // the ring of path probes to the control strand is full
  PathTooLarge,    // a path probe that is larger than any we answer
  ForwardRefused,  // between two mesh nodes, or back to the sender
  TsmpIgnored,     // of a kind that we do nothing with
};

inline constexpr std::size_t kDropReasonCount = 41;

enum class Counter : std::uint8_t {  // gauges are quotients of these
  TunReads,
  TunReadPackets,  // after the split
  TunReadBytes,
  TunWrites,
  TunWritePackets,  // before coalescing
  TunWriteBytes,
  UdpMessagesSent,
  UdpDatagramsSent,
  UdpBytesSent,
  UdpMessagesReceived,
  UdpDatagramsReceived,
  UdpBytesReceived,
  SealRuns,  // calls of the cipher; packets a call = (TunReadPackets + ForwardedPackets) / SealRuns
  OpenRuns,
  RelayDatagramsSent,  // WireGuard data through a relay, also when it went by UDP as well
  RelayBytesSent,
  RelayDatagramsReceived,
  RelayBytesReceived,
  FlowEvictions,     // flows that the filter forgot early, for want of room
  ForwardedPackets,  // from one peer to another, or answered without the device
  ForwardedBytes,    // of the packets inside
};

inline constexpr std::size_t kCounterCount = 21;

DropReason drop_reason(policy::Verdict verdict);  // not of Accept
std::string_view to_string(DropReason reason);    // "tun_bad_header"
std::string_view to_string(Counter counter);

// A copy to read at leisure, and the sum over workers.
struct CounterSnapshot {
  std::array<std::uint64_t, kDropReasonCount> drops{};
  std::array<std::uint64_t, kCounterCount> counts{};

  std::uint64_t operator[](DropReason reason) const {
    return drops[static_cast<std::size_t>(reason)];
  }

  std::uint64_t operator[](Counter counter) const {
    return counts[static_cast<std::size_t>(counter)];
  }

  std::uint64_t& operator[](DropReason reason) { return drops[static_cast<std::size_t>(reason)]; }

  std::uint64_t& operator[](Counter counter) { return counts[static_cast<std::size_t>(counter)]; }

  bool operator==(const CounterSnapshot&) const = default;
};

// One per worker. Only its worker adds; anyone may read.
class alignas(64) Counters {
 public:
  void drop(DropReason reason, std::uint64_t packets = 1) {
    add(drops_[static_cast<std::size_t>(reason)], packets);
  }

  void count(Counter counter, std::uint64_t n = 1) {
    add(counts_[static_cast<std::size_t>(counter)], n);
  }

  // Each value is whole; values counted at the same moment may differ by what is being added.
  void add_to(CounterSnapshot& sum) const;

 private:
  // The owner is the only writer, so no read-modify-write instruction is needed.
  static void add(std::atomic<std::uint64_t>& value, std::uint64_t n) {
    value.store(value.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }

  std::array<std::atomic<std::uint64_t>, kDropReasonCount> drops_{};
  std::array<std::atomic<std::uint64_t>, kCounterCount> counts_{};
};

}  // namespace warren::tunnel
