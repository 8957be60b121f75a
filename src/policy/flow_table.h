#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <type_traits>

#include "base/time.h"
#include "policy/address_range.h"
#include "policy/verdict.h"
#include "proto/ip/packet.h"

namespace warren::policy {

// The two ends of a flow as this node sees them, so that both directions have one key. Ports are 0
// for what has none.
struct FlowKey {
  AddressNumber local;
  AddressNumber remote;
  std::uint16_t local_port = 0;
  std::uint16_t remote_port = 0;
  std::uint8_t version = 0;
  std::uint8_t protocol = 0;
  std::uint16_t unused = 0;

  bool operator==(const FlowKey&) const = default;
};

enum class Starter : std::uint8_t { Us, Them };

// All zero: a free slot.
struct Flow {
  FlowKey key;
  TimePoint last_use;
  std::uint32_t generation;  // of the filter that was last asked about it; 0: none was
  Starter starter;
  Verdict verdict;  // on inbound packets
  bool is_used;
  bool has_sent;
  bool has_received;
  bool is_closing;  // TCP: FIN or RST was seen
};

static_assert(sizeof(Flow) == 64 && std::is_trivially_copyable_v<Flow>);

// How long a flow is remembered without packets (spec: policy section 7.2).
Duration idle_timeout(const Flow& flow);

// What was sent and received, for one worker (spec: policy section 7.2): a fixed number of slots, a
// key may be in any of the eight from its hash on. Where all eight are taken the one that was used
// the longest ago goes, and is counted.
class FlowTable {
 public:
  static constexpr std::size_t kSlots = 65536;  // policy section 7.2; 4 MiB, touched as they fill
  static constexpr std::size_t kProbes = 8;

  // Which keys share slots depends on the seed, so that nobody outside can choose.
  explicit FlowTable(std::uint64_t seed, std::size_t slots = kSlots);  // a power of two

  // Null when there is none, or it was idle for too long.
  Flow* find(const FlowKey& key, TimePoint now);

  // A new flow in place of what is known of that key. The pointer is good until the next begin();
  // afterwards the slot may hold another flow, never none.
  Flow& begin(const FlowKey& key, Starter starter, TimePoint now);

  std::uint64_t evictions() const { return evictions_; }

  TimePoint last_eviction() const { return last_eviction_; }  // good when there was one

 private:
  struct Free {
    void operator()(Flow* slots) const { std::free(slots); }
  };

  std::size_t home_of(const FlowKey& key) const;
  Flow& place_for(const FlowKey& key, TimePoint now);

  const std::uint64_t seed_;
  const std::size_t mask_;
  std::unique_ptr<Flow[], Free> slots_;
  std::uint64_t evictions_ = 0;
  TimePoint last_eviction_;
};

// Whether a flow that a caller remembers is that of the key.
inline bool is_live(const Flow* flow, const FlowKey& key, TimePoint now) {
  return flow != nullptr && flow->key == key && now - flow->last_use < idle_timeout(*flow);
}

}  // namespace warren::policy
