#include "relay/client/http_response.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto head = warren::relay::client::decode_http_head({data, size});
  if (head && *head) WARREN_CHECK((*head)->size <= size);
  return 0;
}
