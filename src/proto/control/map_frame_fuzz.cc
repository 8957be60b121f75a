#include "proto/control/map_frame.h"

using namespace warren;
using namespace warren::control;

namespace {

constexpr MapFrameLimits kLimits{.wire = 64 * 1024, .text = 1024 * 1024};

// Every message of `bytes`, in pieces of `step`; what follows an error is not read.
std::string read_all(ByteView bytes, Compression compression, std::size_t step) {
  MapFrameReader reader(compression, kLimits);
  std::string out;
  while (!bytes.empty()) {
    ByteView piece = bytes.first(std::min(step, bytes.size()));
    bytes = bytes.subspan(piece.size());
    while (true) {
      const auto message = reader.read(piece);
      if (!message) return out;
      if (!*message) break;
      WARREN_CHECK(!(*message)->empty() && (*message)->size() <= kLimits.text);
      out += **message + "\n";
    }
  }
  return out;
}

}  // namespace

// The pieces make no difference, and what is read can be written and read again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const Compression compression : {Compression::None, Compression::Zstd}) {
    const std::string text = read_all({data, size}, compression, size + 1);
    WARREN_CHECK(read_all({data, size}, compression, 7) == text);
    if (text.empty() || text.size() > kLimits.text) continue;
    MapFrameWriter writer;
    std::vector<std::uint8_t> message;
    writer.append_message(text, Compression::Zstd, message);
    MapFrameReader reader(Compression::Zstd);
    ByteView bytes = message;
    const auto again = reader.read(bytes);
    WARREN_CHECK(again.has_value() && *again == text);
  }
  return 0;
}
