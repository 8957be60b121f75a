#pragma once

#include <cstdint>

#include "netmap/model.h"

// What tests of the model, and of what stands on it, share.
namespace warren::netmap::testing {

class CountingIds final : public IdSource {
 public:
  UserId next_user() override { return {++user_}; }

  NodeId next_node() override { return {++node_}; }

 private:
  std::int64_t user_ = 0;
  std::int64_t node_ = 0;
};

template <class Key>
Key numbered_key(std::uint8_t number) {
  std::array<std::uint8_t, kKeySize> bytes{};
  bytes.fill(number);
  return Key(bytes);
}

inline Machine machine(std::uint8_t number, std::uint8_t node_key, std::string hostname = "nas") {
  return {.key = numbered_key<MachinePublicKey>(number),
          .node_key = numbered_key<NodePublicKey>(node_key),
          .hostname = std::move(hostname),
          .wants_ephemeral = false};
}

inline constexpr WallTime kNow{.seconds = 1'800'000'000, .nanoseconds = 0};

}  // namespace warren::netmap::testing
