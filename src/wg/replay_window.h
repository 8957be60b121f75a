#pragma once

#include <array>
#include <cstdint>

namespace warren::wg {

// Remembers which counters of one receive key have arrived: the highest, and a ring of bits behind
// it (the method of RFC 6479). 1 KiB. Asked only after a packet was authenticated. One thread at a
// time.
class ReplayWindow {
 public:
  // True, and marked, if the counter is fresh: below the reject limit, and newer than the highest
  // or at most kReplayWindow behind it and not seen.
  bool accept(std::uint64_t counter);

 private:
  static constexpr std::size_t kBlocks = 128;  // a power of two; one block is always being cleared

  std::uint64_t next_ = 0;  // highest accepted + 1; 0: none yet
  std::array<std::uint64_t, kBlocks> bits_{};
};

}  // namespace warren::wg
