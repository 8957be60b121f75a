#include "io/http_request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace warren;  // NOLINT(google-build-using-namespace): a program of one function
  const auto head = io::parse_http_request({data, size});
  if (!head || !*head) return 0;
  WARREN_CHECK((*head)->size <= size && (*head)->size <= io::kMaxHttpHead);
  static_cast<void>((*head)->request.keeps_alive());
  static_cast<void>((*head)->request.has_token("Upgrade", "derp"));
  WARREN_CHECK((*head)->request.path().size() <= (*head)->request.target.size());
  return 0;
}
