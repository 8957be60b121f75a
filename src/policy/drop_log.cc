#include "policy/drop_log.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace warren::policy {

namespace {

std::uint64_t key_of(std::uint32_t peer, const ip::PacketInfo& packet, Verdict reason) {
  return std::uint64_t{peer} << 32U | std::uint64_t{packet.destination_port} << 16U |
         std::uint64_t{packet.protocol} << 8U | std::to_underlying(reason);
}

DropRecord from_key(std::uint64_t key) {
  return {.peer = static_cast<std::uint32_t>(key >> 32U),
          .protocol = static_cast<std::uint8_t>(key >> 8U),
          .port = static_cast<std::uint16_t>(key >> 16U),
          .reason = static_cast<Verdict>(key & 0xFFU),
          .count = 0,
          .first = {},
          .last = {}};
}

TimePoint to_time(std::int64_t nanoseconds) {
  return TimePoint(Duration(nanoseconds));
}

}  // namespace

DropLog::Slot& DropLog::slot_for(std::uint64_t key) {
  constexpr auto kRelaxed = std::memory_order_relaxed;  // nobody else writes
  Slot* oldest = slots_.data();
  for (Slot& slot : slots_) {
    if (slot.count.load(kRelaxed) == 0) return slot;
    if (slot.key.load(kRelaxed) == key) return slot;
    if (slot.last.load(kRelaxed) < oldest->last.load(kRelaxed)) oldest = &slot;
  }
  return *oldest;
}

void DropLog::note(std::uint32_t peer,
                   const ip::PacketInfo& packet,
                   Verdict reason,
                   TimePoint now) {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  constexpr auto kRelease = std::memory_order_release;
  const std::uint64_t key = key_of(peer, packet, reason);
  const std::int64_t time = now.time_since_epoch().count();
  Slot& slot = slot_for(key);
  const std::uint64_t count = slot.count.load(kRelaxed);
  const bool is_known = count > 0 && slot.key.load(kRelaxed) == key;
  const std::uint32_t version = slot.version.load(kRelaxed);
  slot.version.store(version + 1, kRelaxed);
  slot.count.store(is_known ? count + 1 : 1, kRelease);
  slot.last.store(time, kRelease);
  if (!is_known) {
    slot.key.store(key, kRelease);
    slot.first.store(time, kRelease);
  }
  slot.version.store(version + 2, kRelease);
}

std::vector<DropRecord> DropLog::read() const {
  constexpr auto kAcquire = std::memory_order_acquire;
  std::vector<DropRecord> out;
  for (const Slot& slot : slots_) {
    while (true) {
      const std::uint32_t before = slot.version.load(kAcquire);
      DropRecord record = from_key(slot.key.load(kAcquire));
      record.count = slot.count.load(kAcquire);
      record.first = to_time(slot.first.load(kAcquire));
      record.last = to_time(slot.last.load(kAcquire));
      if (before % 2 != 0 || slot.version.load(std::memory_order_relaxed) != before) continue;
      if (record.count > 0) out.push_back(record);
      break;
    }
  }
  std::ranges::sort(out, std::greater<>(), &DropRecord::last);
  return out;
}

}  // namespace warren::policy
