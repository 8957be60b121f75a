#include "wg/replay_window.h"

#include <algorithm>

#include "wg/constants.h"

namespace warren::wg {

bool ReplayWindow::accept(std::uint64_t counter) {
  if (counter >= kRejectAfterMessages) return false;
  const std::uint64_t block = counter / 64;
  const std::uint64_t bit = std::uint64_t{1} << (counter % 64);
  if (counter >= next_) {
    // Blocks between the old and the new highest hold bits of counters one ring ago.
    const std::uint64_t highest = next_ == 0 ? 0 : (next_ - 1) / 64;
    const std::uint64_t fresh = std::min<std::uint64_t>(block - highest, kBlocks);
    for (std::uint64_t i = 1; i <= fresh; ++i) bits_[(highest + i) % kBlocks] = 0;
    next_ = counter + 1;
  } else if (next_ - 1 - counter > kReplayWindow) {
    return false;
  }
  std::uint64_t& word = bits_[block % kBlocks];
  if ((word & bit) != 0) return false;
  word |= bit;
  return true;
}

}  // namespace warren::wg
