#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "control/core/marks.h"
#include "proto/control/map_frame.h"

namespace warren::control {

// The entries of many nodes as map messages have them, compressed once for all receivers. A message
// may consist of several zstd frames, so whole chunks of it are shared; each costs about 135 bytes
// a node, and 800 to compress again (spec: server section 1.6).
class PeerChunks {
 public:
  static constexpr Slot kNodes = 64;

  static std::size_t chunk_of(Slot slot) { return slot / kNodes; }

  // The node's entry is another now, or it has none any more.
  void forget(Slot slot);

  // A zstd frame of what `render` appends: `,{entry}` for each node of the chunk. Empty when that
  // is nothing. Valid until the next call of anything here.
  using Render = std::function<void(std::string& out)>;
  ByteView part(std::size_t chunk, const Render& render, MapFrameWriter& writer);

 private:
  struct Chunk {
    bool is_made = false;
    std::vector<std::uint8_t> frame;
  };

  std::vector<Chunk> chunks_;
  std::string text_;  // while one is made
};

}  // namespace warren::control
