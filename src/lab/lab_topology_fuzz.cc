#include "base/bytes.h"
#include "lab/command.h"
#include "lab/topology.h"

// The text of a topology, and of a command.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = warren::as_text({data, size});
  const auto topology = warren::lab::parse_topology(text);
  if (!topology) WARREN_CHECK(!topology.error().detail.empty());
  const auto command = warren::lab::parse_command(text);
  if (!command) WARREN_CHECK(!command.error().detail.empty());
  return 0;
}
