#include <algorithm>

#include "proto/ts2021/records.h"

using namespace warren;  // NOLINT(google-build-using-namespace): a fuzz target

namespace {

// The first byte of the input says where the rest is cut, and which byte of a sealed stream is
// changed.
std::vector<std::uint8_t> open_in_pieces(ByteView stream, std::size_t piece, bool& ok) {
  ts2021::RecordOpener opener{SymmetricKey()};
  std::vector<std::uint8_t> out;
  ok = true;
  while (!stream.empty()) {
    const ByteView part = stream.first(std::min(piece, stream.size()));
    stream = stream.subspan(part.size());
    ok = opener.open(part, out).has_value();
    if (!ok) break;
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = data[0] + 1;
  const ByteView text(data + 1, size - 1);
  bool ok = false;
  bool ok_at_once = false;
  // As a stream from the wire: the same however it is cut.
  const auto said = open_in_pieces(text, piece, ok);
  WARREN_CHECK(open_in_pieces(text, std::max<std::size_t>(size, 1), ok_at_once) == said);
  WARREN_CHECK(ok == ok_at_once);
  // As a text: sealed and opened it is the same, and with a byte changed it is not taken.
  ts2021::RecordSealer sealer{SymmetricKey()};
  std::vector<std::uint8_t> wire;
  WARREN_CHECK(sealer.seal(text, wire));
  const auto opened = open_in_pieces(wire, piece, ok);
  WARREN_CHECK(ok && std::ranges::equal(opened, text));
  if (wire.empty()) return 0;
  wire[piece % wire.size()] ^= 1;
  WARREN_CHECK(!std::ranges::equal(open_in_pieces(wire, piece, ok), text));
  return 0;
}
