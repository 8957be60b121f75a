#include "tunnel/forward.h"

#include "proto/ip/packet.h"

namespace warren::tunnel {

void ForwardPass::begin() {
  cached_destination_.reset();  // what the last round found may be gone
  transmit_.begin_forwarding();
}

void ForwardPass::finish(const Topology& topology, TimePoint now) {
  transmit_.send_forwarded(sender_, topology, now);
}

void ForwardPass::take(const wg::DataPeer& from,
                       ByteView packet,
                       const Topology& topology,
                       TimePoint now) {
  wg::DataPeer* const to = find_peer(ip::destination_address(packet), topology);
  if (to == nullptr) {
    counters_.drop(DropReason::NoPeer);
  } else if (to == &from || (!from.roams() && !to->roams())) {
    counters_.drop(DropReason::ForwardRefused);
  } else if (!topology.filter || may_pass(from, *to, packet, now)) {
    transmit_.forward(*to, packet, sender_, topology, now);
  }
}

void ForwardPass::answer(wg::DataPeer& to,
                         ByteView packet,
                         const Topology& topology,
                         TimePoint now) {
  transmit_.forward(to, packet, sender_, topology, now);
}

wg::DataPeer* ForwardPass::find_peer(const IpAddress& destination, const Topology& topology) {
  if (cached_destination_ != destination) {
    cached_destination_ = destination;
    cached_peer_ = topology.allowed_ips->find(destination);
  }
  return cached_peer_;
}

bool ForwardPass::may_pass(const wg::DataPeer& from,
                           const wg::DataPeer& to,
                           ByteView packet,
                           TimePoint now) {
  const auto info = ip::parse_packet(packet);
  if (!info) {
    counters_.drop(DropReason::FilterBadHeader);
    return false;
  }
  policy::PacketFilter& filter = *link_.packet_filter;
  policy::Verdict verdict = policy::Verdict::Accept;
  if (to.roams()) verdict = filter.check_inbound(*info, packet, now);
  if (from.roams() && verdict == policy::Verdict::Accept) {
    verdict = filter.check_outbound(*info, now);
  }
  if (verdict == policy::Verdict::Accept) return true;
  counters_.drop(drop_reason(verdict));
  filter.drops().note(from.id.value, *info, verdict, now);
  return false;
}

}  // namespace warren::tunnel
