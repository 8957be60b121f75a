#include "tunnel/drop_reason.h"

#include <utility>

#include "base/result.h"

namespace warren::tunnel {

namespace {

constexpr std::array<std::string_view, kDropReasonCount> kDropNames = {
    "tun_bad_header",   "tun_down",          "tun_write_error",      "no_peer",
    "no_key",           "staged_overflow",   "key_expired",          "counter_exhausted",
    "path_none",        "send_buffer",       "send_error",           "gso_retry",
    "aqm_drop",         "rx_runt",           "rx_unknown",           "rx_index",
    "rx_auth",          "rx_replay",         "rx_key_expired",       "inner_bad",
    "inner_source",     "filter_bad_header", "filter_unknown_proto", "filter_extension_header",
    "filter_multicast", "filter_link_local", "filter_not_local",     "filter_no_rule",
    "filter_no_flow",   "filter_fragment",   "filter_bogon",         "filter_shields_up",
    "filter_jailed",    "ecn_drop",          "control_full",         "inject_full",
    "relay_full",       "path_full",         "path_too_large",       "forward_refused",
    "tsmp_ignored",
};
static_assert(std::to_underlying(DropReason::TsmpIgnored) + 1 == kDropReasonCount);
static_assert(std::to_underlying(DropReason::FilterJailed) -
                  std::to_underlying(DropReason::FilterBadHeader) + 2 ==
              policy::kVerdictCount);

constexpr std::array<std::string_view, kCounterCount> kCounterNames = {
    "tun_reads",
    "tun_read_packets",
    "tun_read_bytes",
    "tun_writes",
    "tun_write_packets",
    "tun_write_bytes",
    "udp_messages_sent",
    "udp_datagrams_sent",
    "udp_bytes_sent",
    "udp_messages_received",
    "udp_datagrams_received",
    "udp_bytes_received",
    "seal_runs",
    "open_runs",
    "relay_datagrams_sent",
    "relay_bytes_sent",
    "relay_datagrams_received",
    "relay_bytes_received",
    "flow_evictions",
    "forwarded_packets",
    "forwarded_bytes",
};
static_assert(std::to_underlying(Counter::ForwardedBytes) + 1 == kCounterCount);

}  // namespace

DropReason drop_reason(policy::Verdict verdict) {
  WARREN_CHECK(verdict != policy::Verdict::Accept);
  return static_cast<DropReason>(std::to_underlying(DropReason::FilterBadHeader) +
                                 std::to_underlying(verdict) -
                                 std::to_underlying(policy::Verdict::BadHeader));
}

std::string_view to_string(DropReason reason) {
  return kDropNames[std::to_underlying(reason)];
}

std::string_view to_string(Counter counter) {
  return kCounterNames[std::to_underlying(counter)];
}

void Counters::add_to(CounterSnapshot& sum) const {
  for (std::size_t i = 0; i < drops_.size(); ++i) {
    sum.drops[i] += drops_[i].load(std::memory_order_relaxed);
  }
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    sum.counts[i] += counts_[i].load(std::memory_order_relaxed);
  }
}

}  // namespace warren::tunnel
