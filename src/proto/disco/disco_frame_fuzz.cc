#include <algorithm>
#include <vector>

#include "base/result.h"
#include "proto/disco/frame.h"

using warren::ByteView;
namespace disco = warren::disco;

// What decodes is made of the whole datagram; what was sealed opens.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView datagram(data, size);
  const auto frame = disco::decode_frame(datagram);
  if (!frame) return 0;
  WARREN_CHECK(disco::looks_like_frame(datagram));

  warren::BoxKey key;
  const std::array<std::uint8_t, warren::kKeySize> secret = {1};
  if (!key.init(secret, frame->sender.bytes())) return 0;
  const ByteView payload = frame->box.subspan(warren::kBoxOverhead);
  std::vector<std::uint8_t> sealed(size);
  disco::seal_frame(sealed, frame->sender, frame->nonce, key, payload);
  const std::size_t clear = size - frame->box.size();
  WARREN_CHECK(std::ranges::equal(datagram.first(clear), ByteView(sealed).first(clear)));

  const auto again = disco::decode_frame(sealed);
  WARREN_CHECK(again.has_value());
  std::vector<std::uint8_t> opened(payload.size());
  WARREN_CHECK(key.open(opened, again->nonce, again->box));
  WARREN_CHECK(std::ranges::equal(opened, payload));
  return 0;
}
