#include <vector>

#include "base/result.h"
#include "tunnel/segments.h"

namespace tunnel = warren::tunnel;

// Two bytes of segment size, then the receive buffer.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  std::vector<std::uint8_t> buffer(data + 2, data + size);
  std::size_t bytes = 0;
  for (tunnel::Segments segments(buffer, warren::load_le<std::uint16_t>(data)); !segments.done();) {
    const auto datagram = segments.next();
    bytes += datagram.size();
    if (tunnel::classify(datagram) != tunnel::DatagramKind::Runt) {
      WARREN_CHECK(datagram.size() >= warren::wireguard::kMinMessageSize);
    }
  }
  WARREN_CHECK(bytes == buffer.size());
  return 0;
}
