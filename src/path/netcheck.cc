#include "path/netcheck.h"

#include <algorithm>

#include "path/constants.h"

namespace warren::path {

namespace {

std::vector<Endpoint> stun_servers(const relay::Region& region, bool is_v6) {
  std::vector<Endpoint> out;
  for (const relay::Node& node : region.nodes) {
    const auto address = IpAddress::parse(is_v6 ? node.ipv6 : node.ipv4);
    if (node.stun_port != 0 && address && address->is_v6() == is_v6)
      out.push_back({.address = *address, .port = node.stun_port});
  }
  return out;
}

}  // namespace

void Netcheck::start(const LocalNetwork& network, TimePoint now) {
  targets_.clear();
  latencies_.clear();
  saw_v4_ = saw_v6_ = false;
  first_v4_.reset();
  mapping_varies_.reset();
  measuring_ = 0;
  for (const relay::Region& region : map_->regions) {
    if (!region.no_measure_no_home) add_targets(region, network, now);
  }
  began_ = now;
  measure_at_ = now + kMeasureAfter;
  finish_by_ = now + kStunLimit;
}

void Netcheck::refresh(const LocalNetwork& network, relay::RegionId home, TimePoint now) {
  if (running()) return;
  targets_.clear();
  if (const relay::Region* const region = map_->find(home)) add_targets(*region, network, now);
}

void Netcheck::add_targets(const relay::Region& region,
                           const LocalNetwork& network,
                           TimePoint now) {
  for (const bool is_v6 : {false, true}) {
    if (is_v6 ? !network.has_v6() : !network.has_v4()) continue;
    auto servers = stun_servers(region, is_v6);
    if (servers.empty()) continue;
    targets_.push_back(
        {.region = region.id, .is_v6 = is_v6, .servers = std::move(servers), .next_try = now});
  }
}

RegionLatency& Netcheck::latency_entry(relay::RegionId region) {
  const auto at = std::ranges::lower_bound(latencies_, region, {}, &RegionLatency::region);
  if (at != latencies_.end() && at->region == region) return *at;
  RegionLatency entry;
  entry.region = region;
  return *latencies_.insert(at, entry);
}

std::optional<Duration> Netcheck::latency(relay::RegionId region) const {
  const auto found = std::ranges::find(latencies_, region, &RegionLatency::region);
  if (found == latencies_.end() || found->best() == Duration::max()) return std::nullopt;
  return found->best();
}

bool Netcheck::on_answer(const stun::BindingSuccess& answer, bool& news, TimePoint now) {
  const auto request = std::ranges::find(requests_, answer.transaction, &Request::transaction);
  if (request == requests_.end()) return false;
  const Duration took = now - request->sent;
  const bool is_v6 = request->server.address.is_v6();
  auto& least = is_v6 ? latency_entry(request->region).v6 : latency_entry(request->region).v4;
  least = std::min(least.value_or(took), took);
  (is_v6 ? saw_v6_ : saw_v4_) = true;
  if (!is_v6) {
    if (!first_v4_) {
      first_v4_ = {request->server.address, answer.mapped};
    } else if (first_v4_->second != answer.mapped) {
      mapping_varies_ = true;
    } else if (first_v4_->first != request->server.address && !mapping_varies_) {
      mapping_varies_ = false;
    }
  }
  for (Target& target : targets_) {
    if (target.region == request->region && target.is_v6 == is_v6) {
      target.answered = true;
      target.next_try = kNever;
    }
  }
  requests_.erase(request);
  news |= endpoints_.observe(answer.mapped, now);
  update_finish(now);
  return true;
}

// A full check ends soon after the third region answered, or after all regions did in one family
// (the other may never).
void Netcheck::update_finish(TimePoint now) {
  if (!running()) return;
  std::set<relay::RegionId> asked;
  std::set<relay::RegionId> answered;
  bool all = true;
  for (const Target& target : targets_) {
    asked.insert(target.region);
    if (target.answered) answered.insert(target.region);
    all &= target.answered;
  }
  if (all) {
    finish_by_ = std::min(finish_by_, now);
  } else if (answered.size() >= std::min(kEnoughRegions, asked.size())) {
    Duration longest{};
    for (const RegionLatency& latency : latencies_) {
      if (latency.best() != Duration::max()) longest = std::max(longest, latency.best());
    }
    finish_by_ = std::min(finish_by_, now + std::max(2 * longest, kStunRetry));
  }
}

void Netcheck::on_measured(relay::RegionId region, std::optional<Duration> latency) {
  if (latency) latency_entry(region).https = latency;
  if (measuring_ == 0) return;
  --measuring_;
  if (measuring_ > 0) return;
  // All that HTTPS could say is said; UDP has had its time.
  if (!saw_v4_ && !saw_v6_) finish_by_ = std::min(finish_by_, began_ + kStunLimit);
}

void Netcheck::on_timeout(TimePoint now, Actions& out) {
  std::erase_if(requests_, [&](const Request& request) { return now - request.sent > kStunLimit; });
  for (Target& target : targets_) {
    if (now < target.next_try) continue;
    const Endpoint& server = target.servers[target.tries % target.servers.size()];
    Request request{.region = target.region, .server = server, .sent = now};
    random_.fill(request.transaction);
    const auto datagram = stun::encode_binding_request(request.transaction);
    out.emplace_back(SendUdp{.to = {.remote = server, .source = std::nullopt},
                             .datagram = {datagram.begin(), datagram.end()}});
    if (requests_.size() == kMaxProbesInFlight) requests_.erase(requests_.begin());
    requests_.push_back(request);
    ++target.tries;
    target.next_try = target.tries < kStunTries ? now + kStunRetry : kNever;
  }
  if (now < measure_at_) return;
  measure_at_ = kNever;
  if (saw_v4_ || saw_v6_) return;
  for (const relay::Region& region : map_->regions) {
    if (region.no_measure_no_home || measuring_ == kMaxMeasured) continue;
    ++measuring_;
    finish_by_ = began_ + kReportLimit;
    out.emplace_back(MeasureRelay{region.id});
  }
}

TimePoint Netcheck::next_timeout() const {
  TimePoint next = std::min(finish_by_, measure_at_);
  for (const Target& target : targets_) next = std::min(next, target.next_try);
  return next;
}

std::optional<Report> Netcheck::take_report(TimePoint now) {
  if (!running() || now < finish_by_) return std::nullopt;
  finish_by_ = kNever;
  measure_at_ = kNever;
  for (Target& target : targets_) target.next_try = kNever;
  return Report{.udp = saw_v4_ || saw_v6_,
                .ipv4 = saw_v4_,
                .ipv6 = saw_v6_,
                .mapping_varies_by_destination = mapping_varies_,
                .public_v4 = endpoints_.observed(false, now),
                .public_v6 = endpoints_.observed(true, now),
                .latencies = latencies_,
                .home = relay::kNoRegion};
}

}  // namespace warren::path
