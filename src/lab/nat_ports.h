#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/ip_address.h"
#include "base/random.h"
#include "lab/flow.h"
#include "lab/nat.h"
#include "lab/number_pool.h"

namespace warren::lab {

// Gives out the external endpoints of a NAT: which address, which port.
class NatPorts {
 public:
  // What it remembers of an inside host as long as the host has a mapping.
  struct Host {
    std::optional<std::size_t> address;                // that it is paired with
    std::vector<std::optional<std::uint32_t>> blocks;  // by external address
    std::optional<std::uint32_t> next_port;
  };

  // Both outlive the object.
  NatPorts(const NatConfig& config, Random& random);

  // Takes everything back; the configuration may have changed.
  void reset();
  // None: exhausted.
  std::optional<Endpoint> allocate(Protocol protocol, std::uint16_t inside_port, Host& host);
  void release(Protocol protocol, const Endpoint& external);
  // Until reset() nobody gets it. It may lie outside the range of ports to give out.
  void reserve(Protocol protocol, const Endpoint& external);
  // The host has no mapping left: its blocks are free.
  void release_host(const Host& host);

 private:
  static constexpr std::size_t kProtocols = 3;

  // One external address.
  struct Address {
    std::array<NumberPool, kProtocols> ports;
    NumberPool blocks;  // unused where hosts have none
  };

  NumberRange all() const { return {config_.first_port, config_.last_port}; }

  NumberRange all_blocks() const;

  std::optional<Endpoint> allocate_at(std::size_t address,
                                      Protocol protocol,
                                      std::uint16_t inside_port,
                                      Host& host);
  std::optional<NumberRange> range_of(std::size_t address, Host& host);
  std::optional<std::uint32_t> choose(NumberPool& pool,
                                      NumberRange range,
                                      std::uint16_t inside_port,
                                      std::optional<std::uint32_t>& next);
  std::uint32_t any_of(NumberRange range);

  const NatConfig& config_;
  Random& random_;
  std::vector<Address> addresses_;                                    // as in the configuration
  std::array<std::optional<std::uint32_t>, kProtocols> next_port_{};  // SequentialGlobal
};

}  // namespace warren::lab
