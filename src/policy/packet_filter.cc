#include "policy/packet_filter.h"

#include <utility>

#include "policy/packet_form.h"

namespace warren::policy {

namespace {

// How late an error may follow the packet that it is about; twice the longest lifetime of a segment
// that anyone uses (Linux: 60 s between FIN and forgetting).
constexpr Duration kErrorDelay = 120s;

FlowKey inbound_key(const ip::PacketInfo& packet) {
  return {.local = number_of(packet.destination),
          .remote = number_of(packet.source),
          .local_port = packet.destination_port,
          .remote_port = packet.source_port,
          .version = packet.version,
          .protocol = packet.protocol};
}

FlowKey outbound_key(const ip::PacketInfo& packet) {
  return {.local = number_of(packet.source),
          .remote = number_of(packet.destination),
          .local_port = packet.source_port,
          .remote_port = packet.destination_port,
          .version = packet.version,
          .protocol = packet.protocol};
}

FlowKey quoted_key(const ip::Quote& quote) {  // of what we sent
  return {
      .local = number_of(quote.source),
      .remote = number_of(quote.destination),
      .local_port = quote.source_port,
      .remote_port = quote.destination_port,
      .version = static_cast<std::uint8_t>(quote.source.is_v4() ? ip::kVersion4 : ip::kVersion6),
      .protocol = quote.protocol};
}

void note(Flow& flow, const ip::PacketInfo& packet, TimePoint now) {
  flow.last_use = now;
  flow.is_closing |= packet.protocol == ip::protocol::kTcp &&
                     (packet.tcp_flags & (ip::tcp_flag::kFin | ip::tcp_flag::kRst)) != 0;
}

bool is_tcp_answer(const ip::PacketInfo& packet) {
  constexpr std::uint8_t kBoth = ip::tcp_flag::kSyn | ip::tcp_flag::kAck;
  return packet.protocol == ip::protocol::kTcp && (packet.tcp_flags & kBoth) == kBoth;
}

}  // namespace

void PacketFilter::set_filter(std::shared_ptr<const Filter> filter) {
  filter_ = std::move(filter);
  if (++generation_ == 0) generation_ = 1;  // 0: nobody was asked
}

std::uint64_t PacketFilter::take_evictions() {
  const std::uint64_t before = std::exchange(taken_evictions_, flows_.evictions());
  return flows_.evictions() - before;
}

Flow* PacketFilter::find(const FlowKey& key, Flow*& last, TimePoint now) {
  if (!is_live(last, key, now)) {
    Flow* const found = flows_.find(key, now);
    if (found == nullptr) return nullptr;
    last = found;
  }
  return last;
}

Verdict PacketFilter::check_inbound(const ip::PacketInfo& info, ByteView packet, TimePoint now) {
  if (has_flow(info)) return check_flow(info, now);
  const Verdict verdict = filter_->judge(info);
  if (verdict != Verdict::Accept || !is_icmp_error(info)) return verdict;
  return check_error(info, packet, now);
}

Verdict PacketFilter::check_flow(const ip::PacketInfo& info, TimePoint now) {
  const FlowKey key = inbound_key(info);
  Flow* flow = find(key, last_inbound_, now);
  if (flow == nullptr || is_tcp_start(info)) {
    const Verdict verdict = filter_->judge(info);
    const bool is_remembered = info.protocol != ip::protocol::kTcp || is_tcp_start(info);
    if (verdict != Verdict::Accept || !is_remembered) return verdict;
    flow = &flows_.begin(key, Starter::Them, now);
    flow->generation = generation_;
    last_inbound_ = flow;
  } else if (flow->generation != generation_) {
    if (const Verdict verdict = ask_again(*flow, info); verdict != Verdict::Accept) return verdict;
  }
  if (flow->verdict != Verdict::Accept) return flow->verdict;  // not noted, so it ends some day
  flow->has_received = true;
  note(*flow, info, now);
  return Verdict::Accept;
}

// The filter is another than the one that was asked when the flow was let in, or none was.
Verdict PacketFilter::ask_again(Flow& flow, const ip::PacketInfo& info) const {
  if (flow.starter == Starter::Them) {
    flow.verdict = filter_->judge_start(info);
    flow.generation = generation_;
    return flow.verdict;
  }
  const Verdict verdict = filter_->judge_addresses(info);
  if (verdict == Verdict::Accept) flow.generation = generation_;
  return verdict;
}

// Spec: policy section 7.2. Errors carry path MTUs: what cannot be decided passes, as in stock
// clients.
Verdict PacketFilter::check_error(const ip::PacketInfo& info, ByteView packet, TimePoint now) {
  const auto quote = ip::parse_quote(packet.subspan(info.ip_header_size));
  if (!quote) return Verdict::BadHeader;
  if (quote->is_later_fragment || flows_.find(quoted_key(*quote), now) != nullptr) {
    return Verdict::Accept;
  }
  const bool may_be_forgotten =
      flows_.evictions() > 0 && now - flows_.last_eviction() < kErrorDelay;
  return may_be_forgotten ? Verdict::Accept : Verdict::NoFlow;
}

Verdict PacketFilter::check_outbound(const ip::PacketInfo& info, TimePoint now) {
  if (const Verdict verdict = judge_form(info); verdict != Verdict::Accept) return verdict;
  if (const Verdict verdict = judge_destination(info.destination); verdict != Verdict::Accept) {
    return verdict;
  }
  if (info.kind == ip::PacketKind::Fragment) return Verdict::Accept;  // its first one is noted
  const FlowKey key = outbound_key(info);
  Flow* flow = find(key, last_outbound_, now);
  if (flow == nullptr || is_tcp_start(info)) {
    flow = &flows_.begin(key, is_tcp_answer(info) ? Starter::Them : Starter::Us, now);
    last_outbound_ = flow;
  }
  if (flow->verdict != Verdict::Accept) return Verdict::Accept;  // it goes out, and wakes nothing
  flow->has_sent = true;
  note(*flow, info, now);
  return Verdict::Accept;
}

}  // namespace warren::policy
