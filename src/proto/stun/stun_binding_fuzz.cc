#include <algorithm>

#include "base/result.h"
#include "proto/stun/binding.h"

using warren::ByteView;
namespace stun = warren::stun;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView datagram(data, size);
  if (const auto transaction = stun::decode_binding_request(datagram)) {
    WARREN_CHECK(std::ranges::equal(stun::encode_binding_request(*transaction), datagram));
  }
  if (const auto message = stun::decode_binding_success(datagram)) {
    WARREN_CHECK(stun::looks_like_binding_success(datagram));
    std::array<std::uint8_t, stun::kMaxBindingSuccessSize> again{};
    const std::size_t written = encode_binding_success(again, *message);
    WARREN_CHECK(stun::decode_binding_success(ByteView(again).first(written)) == *message);
  }
  return 0;
}
