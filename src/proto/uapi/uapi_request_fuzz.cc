#include "base/bytes.h"
#include "base/result.h"
#include "proto/uapi/request.h"

namespace uapi = warren::uapi;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = warren::as_text({data, size});
  const auto end = uapi::request_size(text);
  WARREN_CHECK(!end || *end <= size);
  const auto request = uapi::decode_request(end ? text.substr(0, *end) : text);
  WARREN_CHECK(!request || end);
  return 0;
}
