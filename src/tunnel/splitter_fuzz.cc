#include <vector>

#include "proto/ip/packet.h"
#include "tunnel/splitter.h"

using warren::ByteView;
namespace ip = warren::ip;
namespace tunnel = warren::tunnel;
namespace virtio = warren::virtio;

namespace {

// Every segment of a super-packet is a whole packet by its own length.
void check_segment(ByteView segment) {
  const auto length = ip::inner_length(segment);
  WARREN_CHECK(length && *length == segment.size());
}

}  // namespace

// Virtio header and packet, as read from the device; two bytes of MTU in front.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 + virtio::kNetHeaderSize) return 0;
  const std::size_t max_packet_size = warren::load_le<std::uint16_t>(data);
  const ByteView read(data + 2, size - 2);
  const auto header = virtio::decode_net_header(read);
  auto splitter =
      tunnel::Splitter::create(*header, read.subspan(virtio::kNetHeaderSize), max_packet_size);
  if (!splitter) return 0;
  std::size_t segments = 0;
  std::size_t bytes = 0;
  while (!splitter->done()) {
    std::vector<std::uint8_t> out(splitter->next_size());
    WARREN_CHECK(splitter->next(warren::MutableByteView(out).first(out.size() - 1)) == 0);
    WARREN_CHECK(splitter->next(out) == out.size());
    if (header->gso_type != virtio::GsoType::None) check_segment(out);
    ++segments;
    bytes += out.size();
  }
  WARREN_CHECK(segments == splitter->count() && bytes == splitter->total_size());
  return 0;
}
