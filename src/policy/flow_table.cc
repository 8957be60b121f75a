#include "policy/flow_table.h"

#include <bit>
#include <new>

#include "base/result.h"
#include "proto/ip/headers.h"

namespace warren::policy {

namespace {

// Spec: policy section 7.2. SCTP, which it does not name, is treated as UDP is: its heartbeats come
// every 30 s (RFC 9260 section 8.3).
constexpr Duration kTcpEstablished = 24h;
constexpr Duration kDatagramsBothWays = 120s;
constexpr Duration kOther = 30s;

std::uint64_t mix(std::uint64_t value) {  // the finaliser of splitmix64
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111eb;
  return value ^ (value >> 31U);
}

}  // namespace

Duration idle_timeout(const Flow& flow) {
  const bool both_ways = flow.has_sent && flow.has_received;
  switch (flow.key.protocol) {
    case ip::protocol::kTcp:
      return both_ways && !flow.is_closing ? kTcpEstablished : kOther;
    case ip::protocol::kUdp:
    case ip::protocol::kSctp:
      return both_ways ? kDatagramsBothWays : kOther;
    default:
      return kOther;
  }
}

// Zeroed pages from calloc cost nothing until they are used; make_unique would touch all of them.
FlowTable::FlowTable(std::uint64_t seed, std::size_t slots)
    : seed_(seed), mask_(slots - 1), slots_(static_cast<Flow*>(std::calloc(slots, sizeof(Flow)))) {
  WARREN_CHECK(std::has_single_bit(slots) && slots >= kProbes);
  if (slots_ == nullptr) throw std::bad_alloc();
}

std::size_t FlowTable::home_of(const FlowKey& key) const {
  std::uint64_t sum = mix(seed_ ^ key.local.high);
  sum = mix(sum ^ key.local.low);
  sum = mix(sum ^ key.remote.high);
  sum = mix(sum ^ key.remote.low);
  const std::uint64_t rest = std::uint64_t{key.local_port} << 48U |
                             std::uint64_t{key.remote_port} << 32U |
                             std::uint64_t{key.version} << 8U | key.protocol;
  return static_cast<std::size_t>(mix(sum ^ rest)) & mask_;
}

Flow* FlowTable::find(const FlowKey& key, TimePoint now) {
  const std::size_t home = home_of(key);
  for (std::size_t i = 0; i < kProbes; ++i) {
    Flow& flow = slots_[(home + i) & mask_];
    if (!flow.is_used) return nullptr;  // slots are never freed: nothing was placed behind it
    if (flow.key == key) return is_live(&flow, key, now) ? &flow : nullptr;
  }
  return nullptr;
}

Flow& FlowTable::place_for(const FlowKey& key, TimePoint now) {
  const std::size_t home = home_of(key);
  Flow* oldest = nullptr;
  for (std::size_t i = 0; i < kProbes; ++i) {
    Flow& flow = slots_[(home + i) & mask_];
    if (!flow.is_used || flow.key == key) return flow;
    if (oldest == nullptr || flow.last_use < oldest->last_use) oldest = &flow;
  }
  for (std::size_t i = 0; i < kProbes; ++i) {
    Flow& flow = slots_[(home + i) & mask_];
    if (!is_live(&flow, flow.key, now)) return flow;
  }
  ++evictions_;
  last_eviction_ = now;
  return *oldest;
}

Flow& FlowTable::begin(const FlowKey& key, Starter starter, TimePoint now) {
  Flow& flow = place_for(key, now);
  flow = {.key = key,
          .last_use = now,
          .generation = 0,
          .starter = starter,
          .verdict = Verdict::Accept,
          .is_used = true,
          .has_sent = false,
          .has_received = false,
          .is_closing = false};
  return flow;
}

}  // namespace warren::policy
