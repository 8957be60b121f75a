#include "control/core/peer_chunks.h"

namespace warren::control {

void PeerChunks::forget(Slot slot) {
  const std::size_t chunk = chunk_of(slot);
  if (chunk < chunks_.size()) chunks_[chunk] = {};
}

ByteView PeerChunks::part(std::size_t chunk, const Render& render, MapFrameWriter& writer) {
  if (chunk >= chunks_.size()) chunks_.resize(chunk + 1);
  Chunk& out = chunks_[chunk];
  if (!out.is_made) {
    text_.clear();
    render(text_);
    if (!text_.empty()) writer.append_part(text_, out.frame);
    out.is_made = true;
  }
  return out.frame;
}

}  // namespace warren::control
