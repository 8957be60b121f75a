#include "base/bytes.h"
#include "base/result.h"
#include "proto/wgquick/config.h"

namespace wgquick = warren::wgquick;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto config = wgquick::parse_config(warren::as_text({data, size}));
  if (config) {
    WARREN_CHECK(!config->interface.private_key.is_zero());
  } else {
    WARREN_CHECK(!config.error().detail.empty() && config.error().detail.size() < 400);
  }
  return 0;
}
