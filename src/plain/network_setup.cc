#include "plain/network_setup.h"

#include <algorithm>
#include <ranges>

#include <fmt/format.h>

#include "plain/names.h"

namespace warren::plain {

namespace {

// The reverse path check of marked packets takes the mark into account (ip-sysctl).
constexpr std::string_view kSrcValidMark = "net/ipv4/conf/all/src_valid_mark";

template <class T>
bool is_in(const std::vector<T>& list, const T& value) {
  return std::ranges::find(list, value) != list.end();
}

}  // namespace

Result<void> NetworkSetup::apply(const NetworkPlan& plan) {
  WARREN_TRY_VOID(apply_device(plan));
  WARREN_TRY_VOID(apply_default_routes(plan));
  current_ = plan;
  return {};
}

// Addresses come before routes (a route may need the source), and what is new before what is gone.
Result<void> NetworkSetup::apply_device(const NetworkPlan& plan) {
  for (const auto& address : plan.addresses) {
    if (!is_in(current_.addresses, address)) WARREN_TRY_VOID(network_.add_address(address));
  }
  if (plan.mtu != current_.mtu) WARREN_TRY_VOID(network_.set_up(plan.mtu));
  for (const DeviceRoute& route : plan.routes) {
    if (!is_in(current_.routes, route)) WARREN_TRY_VOID(network_.add_route(route));
  }
  for (const DeviceRoute& route : current_.routes) {
    if (!is_in(plan.routes, route)) WARREN_TRY_VOID(network_.remove_route(route));
  }
  for (const auto& address : current_.addresses) {
    if (!is_in(plan.addresses, address)) WARREN_TRY_VOID(network_.remove_address(address));
  }
  return {};
}

Result<void> NetworkSetup::apply_default_routes(const NetworkPlan& plan) {
  std::vector<PolicyRule> wanted;
  if (plan.default_v4 || plan.default_v6) {
    WARREN_TRY(const HostLock lock, HostLock::take(place_));
    if (!slot_) WARREN_TRY_VOID(take_slot());
    if (plan.default_v4 && !has_src_valid_mark_) WARREN_TRY_VOID(set_src_valid_mark());
    wanted = rules_of_slot(slot_.value_or(0), plan);
  }
  for (const bool is_v6 : {false, true}) {
    const bool is_wanted = is_v6 ? plan.default_v6 : plan.default_v4;
    const bool is_there = is_v6 ? current_.default_v6 : current_.default_v4;
    if (is_wanted == is_there) continue;
    const DeviceRoute route{IpPrefix(IpAddress::unspecified(is_v6), 0),
                            table_of_slot(slot_.value_or(0))};
    WARREN_TRY_VOID(is_wanted ? network_.add_route(route) : network_.remove_route(route));
  }
  const std::vector<PolicyRule> before = rules_;
  for (const PolicyRule& rule : wanted) {
    if (is_in(before, rule)) continue;
    WARREN_TRY_VOID(ledger_.note(RuleRecord{rule}));
    WARREN_TRY_VOID(network_.add_rule(rule));
    rules_.push_back(rule);
  }
  for (const PolicyRule& rule : before) {
    if (is_in(wanted, rule)) continue;
    WARREN_TRY_VOID(network_.remove_rule(rule));
    std::erase(rules_, rule);
  }
  return {};
}

Result<void> NetworkSetup::take_slot() {
  const std::vector<LedgerRecord> others = live_records(place_, &ledger_);
  for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
    if (is_in(others, LedgerRecord(SlotRecord{slot}))) continue;
    WARREN_TRY_VOID(ledger_.note(SlotRecord{slot}));
    slot_ = slot;
    return {};
  }
  return fail(Errc::Unavailable,
              fmt::format("{} devices with a default route run already: stop one of them, or write "
                          "Table = off and route by hand",
                          kSlots));
}

// The first of our devices that changes it knows the original, the later ones inherit it, and the
// last one that goes puts it back.
Result<void> NetworkSetup::set_src_valid_mark() {
  const std::string name(kSrcValidMark);
  WARREN_TRY(std::string original, network_.read_sysctl(name));
  for (const LedgerRecord& record : live_records(place_, &ledger_)) {
    const auto* const sysctl = std::get_if<SysctlRecord>(&record);
    if (sysctl != nullptr && sysctl->name == name) original = sysctl->original;
  }
  has_src_valid_mark_ = true;
  warn_of_strict_path_check();
  if (original == "1") return {};
  WARREN_TRY_VOID(ledger_.note(SysctlRecord{name, original, "1"}));
  return network_.write_sysctl(name, "1");
}

// With strict checks (RFC 3704 section 2.2) the kernel drops outer packets from a peer, which come
// in where the default route no longer goes out.
void NetworkSetup::warn_of_strict_path_check() {
  const auto mode = network_.read_sysctl("net/ipv4/conf/all/rp_filter");
  if (!mode || *mode != "1") return;
  log_.warn(
      "wg: net.ipv4.conf.all.rp_filter is 1: the kernel may drop what peers send while the default "
      "route goes through the tunnel; if so, run `sysctl net.ipv4.conf.all.rp_filter=2`");
}

std::uint32_t NetworkSetup::mark_for(std::uint32_t asked) const {
  const bool has_default = current_.default_v4 || current_.default_v6;
  return asked == 0 && has_default ? kDefaultMark : asked;
}

Result<void> NetworkSetup::follow_mark(std::uint32_t mark) {
  if (mark == current_.mark) return {};
  NetworkPlan plan = current_;
  plan.mark = mark;
  plan.mark_mask = mark == kDefaultMark ? kDefaultMarkMask : UINT32_MAX;
  return apply(plan);
}

Result<void> NetworkSetup::undo() {
  WARREN_TRY(const HostLock lock, HostLock::take(place_));
  WARREN_TRY_VOID(plain::undo(ledger_.records(), live_records(place_, &ledger_), network_));
  ledger_.remove();
  rules_.clear();
  return {};
}

}  // namespace warren::plain
