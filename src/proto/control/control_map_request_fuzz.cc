#include "base/bytes.h"
#include "base/result.h"
#include "proto/control/codec.h"
#include "proto/control/map.h"

using namespace warren::control;

// What is read is written so that it is read the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto message = decode<MapRequest>(warren::as_text({data, size}));
  if (!message) return 0;
  const std::string text = encode(*message);
  const auto again = decode<MapRequest>(text);
  WARREN_CHECK(again.has_value() && *again == *message);
  WARREN_CHECK(encode(*again) == text);
  return 0;
}
