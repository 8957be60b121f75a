#include <tuple>

#include "acme/core/ledger.h"
#include "acme/core/messages.h"
#include "acme/core/url.h"
#include "base/bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace warren;  // NOLINT(google-build-using-namespace): a program of one function
  const std::string_view text = as_text({data, size});
  std::ignore = acme::decode_directory(text);
  std::ignore = acme::decode_order(text);
  if (const auto found = acme::decode_authorization(text)) {
    for (const auto& one : found->challenges) WARREN_CHECK(one.token.size() <= 128);
  }
  if (const auto window = acme::decode_renewal_info(text)) {
    WARREN_CHECK(window->start < window->end);
  }
  WARREN_CHECK(acme::decode_problem(text).detail.size() <= 300);
  static_cast<void>(acme::parse_retry_after(text, {.seconds = 1'800'000'000}));
  if (const auto url = acme::parse_url(text)) WARREN_CHECK(url->target.starts_with('/'));
  if (const auto ledger = acme::parse_ledger(text)) {
    const auto again = acme::parse_ledger(acme::to_text(*ledger));
    WARREN_CHECK(again && *again == *ledger);
  }
  return 0;
}
