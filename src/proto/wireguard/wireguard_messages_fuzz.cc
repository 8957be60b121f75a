#include <algorithm>

#include "base/result.h"
#include "proto/wireguard/messages.h"

using warren::ByteView;
namespace wireguard = warren::wireguard;

namespace {

// What decodes must encode to the same bytes, and only if classify says the same.
template <class Message>
void check(ByteView datagram, const Message& message, wireguard::MessageType type) {
  const auto again = encode(message);
  WARREN_CHECK(std::ranges::equal(again, datagram));
  WARREN_CHECK(wireguard::classify(datagram) == type);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView datagram(data, size);
  using enum wireguard::MessageType;
  if (const auto m = wireguard::decode_initiation(datagram)) check(datagram, *m, Initiation);
  if (const auto m = wireguard::decode_response(datagram)) check(datagram, *m, Response);
  if (const auto m = wireguard::decode_cookie_reply(datagram)) check(datagram, *m, CookieReply);
  if (const auto m = wireguard::decode_data_header(datagram)) {
    std::array<std::uint8_t, wireguard::kDataHeaderSize> again{};
    encode_data_header(again, *m);
    WARREN_CHECK(std::ranges::equal(again, datagram.first(again.size())));
    WARREN_CHECK(wireguard::classify(datagram) == Data);
  }
  return 0;
}
