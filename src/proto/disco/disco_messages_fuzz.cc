#include "proto/disco/messages.h"

using warren::ByteView;
namespace disco = warren::disco;

namespace {

void check(const disco::Ping& ping) {
  WARREN_CHECK(std::get<disco::Ping>(disco::decode_message(encode(ping)).value()) == ping);
}

void check(const disco::Pong& pong) {
  WARREN_CHECK(std::get<disco::Pong>(disco::decode_message(encode(pong)).value()) == pong);
}

void check(const disco::CallMeMaybe& list) {
  std::vector<warren::Endpoint> endpoints(list.size());
  for (std::size_t i = 0; i < list.size(); ++i) endpoints[i] = list.at(i);
  const auto payload = disco::encode_call_me_maybe(endpoints);
  const auto message = disco::decode_message(payload);
  const auto& again = std::get<disco::CallMeMaybe>(message.value());
  WARREN_CHECK(again.size() == endpoints.size());
  for (std::size_t i = 0; i < again.size(); ++i) WARREN_CHECK(again.at(i) == endpoints[i]);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto message = disco::decode_message(ByteView(data, size));
  if (message) std::visit([](const auto& any) { check(any); }, *message);
  return 0;
}
