#include "io/http_answer.h"
#include "io/http_request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace warren;  // NOLINT(google-build-using-namespace): a program of one function
  constexpr std::size_t kMaxBody = 4096;
  if (const auto head = io::parse_http_answer_head({data, size}); head && *head) {
    WARREN_CHECK((*head)->size <= size && (*head)->size <= io::kMaxHttpHead);
    static_cast<void>((*head)->answer.find("Upgrade"));
  }
  for (const auto more : {io::MoreToCome::Yes, io::MoreToCome::No}) {
    const auto answer = io::parse_http_answer({data, size}, more, kMaxBody);
    if (answer && *answer) WARREN_CHECK((*answer)->body.size() <= kMaxBody);
    WARREN_CHECK(more == io::MoreToCome::Yes || !answer || *answer);
  }
  return 0;
}
