#include "lab/nat_ports.h"

#include <algorithm>
#include <utility>

#include "base/result.h"

namespace warren::lab {

NatPorts::NatPorts(const NatConfig& config, Random& random) : config_(config), random_(random) {
  WARREN_CHECK(config.ports_per_host <= all().size());
  reset();
}

void NatPorts::reset() {
  next_port_ = {};
  addresses_.clear();
  for (std::size_t i = 0; i < config_.external.size(); ++i) {
    addresses_.push_back({.ports = {NumberPool(all()), NumberPool(all()), NumberPool(all())},
                          .blocks = NumberPool(all_blocks())});
  }
}

NumberRange NatPorts::all_blocks() const {
  if (config_.ports_per_host == 0) return {};
  return {0, all().size() / config_.ports_per_host - 1};
}

std::optional<Endpoint> NatPorts::allocate(Protocol protocol,
                                           std::uint16_t inside_port,
                                           Host& host) {
  if (config_.pooling == Pooling::Paired) {
    const std::size_t address = host.address ? *host.address : random_.below(addresses_.size());
    host.address = address;
    return allocate_at(address, protocol, inside_port, host);
  }
  const std::size_t start = random_.below(addresses_.size());
  for (std::size_t i = 0; i < addresses_.size(); ++i) {
    const auto out = allocate_at((start + i) % addresses_.size(), protocol, inside_port, host);
    if (out) return out;
  }
  return std::nullopt;
}

std::optional<Endpoint> NatPorts::allocate_at(std::size_t address,
                                              Protocol protocol,
                                              std::uint16_t inside_port,
                                              Host& host) {
  const auto range = range_of(address, host);
  if (!range) return std::nullopt;
  NumberPool& pool = addresses_[address].ports[std::to_underlying(protocol)];
  // In a block of its own a host meets nobody, so the global sequence is the host's.
  const bool is_global =
      config_.ports == PortChoice::SequentialGlobal && config_.ports_per_host == 0;
  auto& next = is_global ? next_port_[std::to_underlying(protocol)] : host.next_port;
  const auto port = choose(pool, *range, inside_port, next);
  if (!port) return std::nullopt;
  return Endpoint{.address = config_.external[address], .port = static_cast<std::uint16_t>(*port)};
}

std::optional<NumberRange> NatPorts::range_of(std::size_t address, Host& host) {
  if (config_.ports_per_host == 0) return all();
  host.blocks.resize(addresses_.size());
  auto& block = host.blocks[address];
  if (!block) {
    block = addresses_[address].blocks.take_from(all_blocks(), any_of(all_blocks()));
  }
  if (!block) return std::nullopt;
  const std::uint32_t first = config_.first_port + *block * config_.ports_per_host;
  return NumberRange{first, first + config_.ports_per_host - 1};
}

std::optional<std::uint32_t> NatPorts::choose(NumberPool& pool,
                                              NumberRange range,
                                              std::uint16_t inside_port,
                                              std::optional<std::uint32_t>& next) {
  const std::uint32_t any = any_of(range);
  switch (config_.ports) {
    case PortChoice::Preserve:
      if (range.contains(inside_port) && pool.is_free(inside_port)) {
        pool.take(inside_port);
        return inside_port;
      }
      return pool.take_from(range, any);
    case PortChoice::PreserveParity: {
      const bool is_other = any % 2 != inside_port % 2;
      const std::uint32_t same_parity = !is_other ? any : any < range.last ? any + 1 : any - 1;
      // RFC 4787 section 4.2.2: where the other parity is all there is, it is taken.
      if (!range.contains(same_parity)) return pool.take_from(range, any);
      const auto port = pool.take_from(range, same_parity, 2);
      return port ? port : pool.take_from(range, any);
    }
    case PortChoice::SequentialGlobal:
    case PortChoice::SequentialPerHost: {
      const std::uint32_t start = next.value_or(any);
      const auto port = pool.take_from(range, range.contains(start) ? start : range.first);
      if (port) next = *port + 1;
      return port;
    }
    case PortChoice::Random:
      return pool.take_from(range, any);
  }
  std::unreachable();
}

void NatPorts::release(Protocol protocol, const Endpoint& external) {
  const auto at = std::ranges::find(config_.external, external.address);
  const auto index = static_cast<std::size_t>(at - config_.external.begin());
  addresses_[index].ports[std::to_underlying(protocol)].release(external.port);
}

void NatPorts::reserve(Protocol protocol, const Endpoint& external) {
  if (!all().contains(external.port)) return;
  const auto at = std::ranges::find(config_.external, external.address);
  const auto index = static_cast<std::size_t>(at - config_.external.begin());
  addresses_[index].ports[std::to_underlying(protocol)].take(external.port);
}

void NatPorts::release_host(const Host& host) {
  for (std::size_t i = 0; i < host.blocks.size(); ++i) {
    const auto& block = host.blocks[i];
    if (block) addresses_[i].blocks.release(*block);
  }
}

std::uint32_t NatPorts::any_of(NumberRange range) {
  return range.first + static_cast<std::uint32_t>(random_.below(range.size()));
}

}  // namespace warren::lab
