#pragma once

#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "base/time.h"
#include "policy/drop_log.h"
#include "policy/filter.h"
#include "policy/flow_table.h"
#include "policy/verdict.h"
#include "proto/ip/packet.h"

namespace warren::policy {

// The packet filter of one worker: the rules in force, and the flows that were seen (spec: policy
// sections 7.1 to 7.3). Every packet that a peer sent goes through check_inbound once its source
// was found to be that peer's, every packet to a peer through check_outbound. One thread; allocates
// nothing after construction, and asks the flow table not even once for a packet of the same flow
// as the last one.
//
// A flow that we began lets answers in while it lives. A flow that they began was let in by a rule;
// when another filter comes, its next packet asks the rules again, and a flow that is no longer
// allowed is cut and stays cut, even where we go on sending, until it is forgotten. So flows
// outlive a change of the filter, and what is empty of rules (shields up, a jailed peer) leaves
// just the flows that we began.
//
// What stock clients let pass without a flow passes here too, since paths may be asymmetric and we
// may have been restarted: TCP segments that open no connection, later fragments.
class PacketFilter {
 public:
  explicit PacketFilter(std::uint64_t seed, std::size_t flow_slots = FlowTable::kSlots)
      : flows_(seed, flow_slots) {}

  // Null: checks nothing, remembers what it knew.
  void set_filter(std::shared_ptr<const Filter> filter);

  const std::shared_ptr<const Filter>& filter() const { return filter_; }

  // `info` is parse_packet(packet). Only where there is a filter.
  Verdict check_inbound(const ip::PacketInfo& info, ByteView packet, TimePoint now);
  Verdict check_outbound(const ip::PacketInfo& info, TimePoint now);

  // For whoever calls to note what he dropped; any thread may read it.
  DropLog& drops() { return drops_; }

  // Flows that were forgotten for want of room since the last call.
  std::uint64_t take_evictions();

 private:
  Flow* find(const FlowKey& key, Flow*& last, TimePoint now);
  Verdict check_flow(const ip::PacketInfo& info, TimePoint now);
  Verdict ask_again(Flow& flow, const ip::PacketInfo& info) const;
  Verdict check_error(const ip::PacketInfo& info, ByteView packet, TimePoint now);

  std::shared_ptr<const Filter> filter_;
  std::uint32_t generation_ = 0;  // of filter_, counted here
  FlowTable flows_;
  DropLog drops_;
  std::uint64_t taken_evictions_ = 0;
  Flow* last_inbound_ = nullptr;  // slots, whatever they hold by now
  Flow* last_outbound_ = nullptr;
};

}  // namespace warren::policy
