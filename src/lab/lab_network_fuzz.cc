#include <algorithm>
#include <vector>

#include "base/bytes.h"
#include "lab/network.h"

using namespace warren;  // NOLINT(google-build-using-namespace): a fuzz target is all Warren

namespace {

constexpr std::string_view kTopology = R"({
  "routers": {
    "top": {"addresses": ["192.0.2.1", "2001:db8::1"]},
    "nat": {"behind": "top", "addresses": ["10.0.0.1", "fd00::1"], "mtu": 1280,
            "nat": {"external": ["203.0.113.1"], "filtering": "endpoint_independent",
                    "hairpin": "external_source", "max_sessions": 100},
            "firewall": {"is_stateful": true, "max_sessions": 100}},
  },
  "hosts": {
    "in": {"network": "1", "behind": "nat", "addresses": [], "routes": ["0.0.0.0/0", "::/0"]},
    "out": {"network": "2", "behind": "top", "addresses": [], "routes": ["0.0.0.0/1", "::/1"],
            "link": {"loss_percent": 1, "duplicate_percent": 10, "delay": "1ms"}},
  },
})";

// What reaches a host is a packet that could be read again.
class Hosts final : public lab::PacketSink {
  bool deliver(lab::NodeIndex, const virtio::NetHeader& header, ByteView packet) override {
    std::vector<std::uint8_t> copy(packet.begin(), packet.end());
    WARREN_CHECK(lab::read_packet(header, copy).has_value());
    return true;
  }
};

}  // namespace

// Packets: two bytes of length, whose highest bit says which host sends it, virtio header, packet.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const lab::Topology topology = *lab::parse_topology(kTopology);
  Hosts hosts;
  const auto network = *lab::Network::create(topology, hosts);
  ByteReader in(ByteView(data, size));
  TimePoint now{};
  while (in.remaining() > 2 + virtio::kNetHeaderSize) {
    const std::uint16_t head = in.le16();
    const auto header = virtio::decode_net_header(in.take(virtio::kNetHeaderSize));
    const ByteView packet = in.take(std::min<std::size_t>(in.remaining(), head & 0x7FFFU));
    std::vector<std::uint8_t> copy(packet.begin(), packet.end());
    const auto host = network->find((head & 0x8000U) != 0 ? "in" : "out");
    WARREN_CHECK(host.has_value() && header.has_value());
    network->on_packet(*host, *header, copy, now);
    now += 1ms;
    network->on_timeout(now);
  }
  return 0;
}
