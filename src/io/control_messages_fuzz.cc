#include <cstdlib>

#include "io/control_messages.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto control = warren::io::parse_control_messages({data, size});
  if (control.local && control.local->address.unmapped()) std::abort();  // always unmapped
  return 0;
}
