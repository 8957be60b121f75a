#include <cstddef>
#include <cstdint>

#include "io/url_query.h"

// What was decoded is the same after it was encoded and decoded again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace warren;  // NOLINT(google-build-using-namespace): a program of one function
  const auto query = io::parse_query({reinterpret_cast<const char*>(data), size});
  if (!query) return 0;
  std::string text;
  for (const auto& [name, value] : *query) {
    text += io::percent_encode(name) + "=" + io::percent_encode(value) + "&";
  }
  WARREN_CHECK(io::parse_query(text) == *query);
  return 0;
}
