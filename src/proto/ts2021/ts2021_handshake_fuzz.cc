#include <algorithm>

#include "proto/ts2021/handshake.h"

using warren::ByteView;
namespace ts2021 = warren::ts2021;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  if (const auto answer = ts2021::next_answer(bytes); answer && *answer) {
    WARREN_CHECK((*answer)->size() <= size);
    if ((*answer)->type == ts2021::FrameType::Error) {
      const auto again = ts2021::encode_error(warren::as_text((*answer)->payload));
      WARREN_CHECK(std::ranges::equal(again, bytes.first((*answer)->size())));
    }
  }
  if (const auto initiation = ts2021::decode_initiation(bytes)) {
    warren::SeededRandom random(1);
    const auto server = warren::MachinePrivateKey::generate(random);
    accept_handshake(*initiation, server, random);
  }
  return 0;
}
