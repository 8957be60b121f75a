#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "base/time.h"
#include "policy/verdict.h"
#include "proto/ip/packet.h"

namespace warren::policy {

// Packets that a peer sent and that were dropped for the same reason.
struct DropRecord {
  std::uint32_t peer = 0;  // as whoever notes it numbers peers
  std::uint8_t protocol = 0;
  std::uint16_t port = 0;  // destination; 0 where there is none
  Verdict reason = Verdict::Accept;
  std::uint64_t count = 0;
  TimePoint first;
  TimePoint last;

  bool operator==(const DropRecord&) const = default;
};

// What the filter dropped lately, for people (spec: policy section 7.5): the last 64 that differ in
// peer, protocol, port or reason. One thread notes and never waits; any thread may read, and gets
// each record whole.
class DropLog {
 public:
  static constexpr std::size_t kRecords = 64;

  void note(std::uint32_t peer, const ip::PacketInfo& packet, Verdict reason, TimePoint now);

  std::vector<DropRecord> read() const;  // the latest first

 private:
  // Of a record that is being written the version is odd. Values are stored with release and
  // loaded with acquire, so whoever sees a new one sees that the version has changed.
  struct Slot {
    std::atomic<std::uint32_t> version = 0;
    std::atomic<std::uint64_t> count = 0;  // 0: free
    std::atomic<std::uint64_t> key = 0;
    std::atomic<std::int64_t> first = 0;
    std::atomic<std::int64_t> last = 0;
  };

  Slot& slot_for(std::uint64_t key);

  std::array<Slot, kRecords> slots_;
};

}  // namespace warren::policy
