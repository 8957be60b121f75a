#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace warren::tunnel {

// What one UDP_SEGMENT message may hold (spec: data-plane section 3.2).
struct TrainLimits {
  std::size_t max_datagrams =
      64;                         // older kernels; newer ones take 128. 1 switches segmentation off
  std::size_t max_bytes = 65507;  // IPv4: 65,535 less the IP and UDP headers
};

// A run of consecutive datagrams that goes out as one message.
struct Train {
  std::size_t first = 0;  // index of the first datagram
  std::size_t count = 0;
  std::size_t offset = 0;          // of the first byte in the arena
  std::size_t bytes = 0;           // all datagrams together
  std::uint16_t segment_size = 0;  // for the UDP_SEGMENT control message; 0: a lone datagram, which
                                   // must be sent without one (section 3.1)

  bool operator==(const Train&) const = default;
};

// Cuts datagrams that lie end to end in an arena, all for one path and of one ECN value, into
// trains: equal sizes, only the last may be shorter. Order is kept; every datagram is in exactly
// one train. One that is larger than max_bytes travels alone and gets its error from the kernel.
class Trains {
 public:
  explicit Trains(std::span<const std::uint16_t> sizes, TrainLimits limits = {})
      : sizes_(sizes), limits_(limits) {}

  std::optional<Train> next();

 private:
  std::span<const std::uint16_t> sizes_;
  TrainLimits limits_;
  std::size_t index_ = 0;
  std::size_t offset_ = 0;
};

}  // namespace warren::tunnel
