#include "sim/router.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"

namespace warren::sim {

namespace {

constexpr unsigned kMaxHostBits = 20;  // of a network that gives out addresses: a million is plenty

IpAddress nth_of(const IpPrefix& prefix, std::uint32_t number) {
  std::array<std::uint8_t, 16> bytes{};
  const auto first = prefix.address().bytes();
  std::ranges::copy(first, bytes.begin());
  std::uint8_t* const last_word = bytes.data() + first.size() - 4;
  store_be(last_word, load_be<std::uint32_t>(last_word) + number);
  return prefix.address().is_v6() ? IpAddress::v6(bytes)
                                  : IpAddress::v4({bytes[0], bytes[1], bytes[2], bytes[3]});
}

// Room for the NAT's own addresses is taken before it exists.
RouterConfig completed(RouterConfig config, Router* parent) {
  if (!config.nat || !config.nat->external.empty()) return config;
  WARREN_CHECK(parent != nullptr);
  const Addresses leased = parent->lease();
  WARREN_CHECK(leased.v4.has_value());
  config.nat->external = {*leased.v4};
  return config;
}

}  // namespace

Router::Router(RouterConfig config, Router* parent, std::uint64_t seed)
    : config_(completed(std::move(config), parent)),
      parent_(parent),
      firewall_(config_.firewall),
      up_(config_.up, seed),
      down_(config_.down, seed + 1) {
  if (!config_.nat) return;
  WARREN_CHECK(parent != nullptr);
  nat_.emplace(*config_.nat, seed + 2);
  for (const IpAddress& address : config_.nat->external) parent_->add(address, this);
}

Addresses Router::lease() {
  return {.v4 = lease_of(config_.v4, next_v4_), .v6 = lease_of(config_.v6, next_v6_)};
}

std::optional<IpAddress> Router::lease_of(const std::optional<IpPrefix>& prefix,
                                          std::uint32_t& next) {
  if (!prefix) return std::nullopt;
  const unsigned host_bits =
      std::min(prefix->address().bit_length() - prefix->length(), kMaxHostBits);
  const std::uint32_t last = (1U << host_bits) - 2;  // below the broadcast address
  for (std::uint32_t i = 0; i <= last; ++i) {
    if (next > last) next = 2;
    const IpAddress out = nth_of(*prefix, next++);
    if (!inside_.contains(out)) return out;
  }
  check_failed("a network has an address left", __FILE__, __LINE__);
}

bool Router::is_on_link(const IpAddress& address) const {
  return (config_.v4 && config_.v4->contains(address)) ||
         (config_.v6 && config_.v6->contains(address));
}

void Router::reboot() {
  if (nat_) nat_->forget();
  firewall_.forget();
}

void Router::change_external(std::vector<IpAddress> to) {
  WARREN_CHECK(nat_.has_value());
  for (const IpAddress& address : nat_->config().external) parent_->remove(address);
  for (const IpAddress& address : to) parent_->add(address, this);
  nat_->change_external(std::move(to));
}

void Router::set_uplink(const LinkQuality& up, const LinkQuality& down) {
  up_.set_quality(up);
  down_.set_quality(down);
}

void Router::add(const IpAddress& address, Attached attached) {
  const bool is_new = inside_.emplace(address, attached).second;
  WARREN_CHECK(is_new);
  if (parent_ != nullptr && !translates(address)) parent_->add(address, this);
}

void Router::remove(const IpAddress& address) {
  inside_.erase(address);
  if (parent_ != nullptr && !translates(address)) parent_->remove(address);
}

std::optional<Router::Attached> Router::find(const IpAddress& address) const {
  const auto found = inside_.find(address);
  if (found == inside_.end()) return std::nullopt;
  return found->second;
}

}  // namespace warren::sim
