#include "base/result.h"
#include "tunnel/coalescer.h"
#include "tunnel/testing/round_trip.h"

using warren::ByteReader;
using warren::ByteView;
namespace tunnel = warren::tunnel;
namespace testing = warren::tunnel::testing;

namespace {

// Raw bytes, or the next packet of one of eight streams with some bytes changed.
testing::Bytes next_packet(ByteReader& in, std::array<testing::PacketSpec, 8>& streams) {
  const std::uint8_t op = in.u8();
  const ByteView bytes = in.take(std::min<std::size_t>(in.u8(), in.remaining()));
  if ((op & 1U) != 0) return {bytes.begin(), bytes.end()};
  const std::size_t index = (op >> 1U) & 7U;
  testing::PacketSpec& stream = streams[index];
  stream.is_v6 = (index & 1U) != 0;
  stream.is_udp = (index & 2U) != 0;
  stream.df = (index & 4U) != 0;
  stream.payload_size = (op & 0x10U) != 0 ? 9 : 40;
  testing::Bytes packet = testing::make_packet(stream);
  stream.sequence += static_cast<std::uint32_t>(stream.payload_size);
  ++stream.id;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
    packet[bytes[i] % packet.size()] ^= bytes[i + 1];
  }
  if ((op & 0x80U) == 0) testing::fix_checksums(packet);
  return packet;
}

}  // namespace

// A byte of switches, then packets: op, size, bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader in({data, size});
  const std::uint8_t switches = in.u8();
  std::array<testing::PacketSpec, 8> streams;
  std::vector<testing::Bytes> packets;
  while (in.remaining() > 0 && packets.size() < 512) packets.push_back(next_packet(in, streams));
  const auto destination =
      (switches & 4U) != 0 ? tunnel::Destination::Forwarded : tunnel::Destination::Local;
  const std::string problem = testing::check_round_trip(
      packets, {.tcp = (switches & 1U) != 0, .udp = (switches & 2U) != 0}, destination);
  WARREN_CHECK(problem.empty());
  return 0;
}
