#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "proto/ip/packet.h"
#include "tunnel/coalescer.h"
#include "tunnel/splitter.h"
#include "tunnel/testing/packets.h"

// What must hold for any list of packets, for tests and fuzz targets only: what the coalescer
// writes, split again, is the list, with the order inside each flow.
namespace warren::tunnel::testing {

// Copies packets into buffers with room in front, as the receive slots have.
class PacketBuffers {
 public:
  explicit PacketBuffers(const std::vector<Bytes>& packets) {
    for (const Bytes& packet : packets) {
      Bytes buffer(kRoom, 0xEE);
      buffer.insert(buffer.end(), packet.begin(), packet.end());
      buffers_.push_back(std::move(buffer));
    }
  }

  std::size_t size() const { return buffers_.size(); }

  MutableByteView operator[](std::size_t i) { return MutableByteView(buffers_[i]).subspan(kRoom); }

 private:
  static constexpr std::size_t kRoom = virtio::kNetHeaderSize;
  std::vector<Bytes> buffers_;
};

// Keeps the gathered bytes of each write.
class RecordingSink final : public WriteSink {
 public:
  void write(const TunWrite& write) override {
    Bytes bytes;
    for (const BufferPart& part : write.parts) {
      bytes.insert(bytes.end(), part.data, part.data + part.size);
    }
    has_right_sizes = has_right_sizes && bytes.size() == write.size;
    writes.push_back(std::move(bytes));
  }

  std::vector<Bytes> writes;
  bool has_right_sizes = true;
};

// The kernel's side: each write as single packets. Empty when a header is wrong.
inline std::vector<Bytes> split_writes(const std::vector<Bytes>& writes) {
  std::vector<Bytes> out;
  for (const Bytes& write : writes) {
    const auto header = virtio::decode_net_header(write);
    if (!header) return {};
    const ByteView packet = ByteView(write).subspan(virtio::kNetHeaderSize);
    if (packet.empty()) {
      out.emplace_back();
      continue;
    }
    auto splitter = Splitter::create(*header, packet);
    if (!splitter) return {};
    while (!splitter->done()) {
      out.emplace_back(splitter->next_size());
      splitter->next(out.back());
    }
  }
  return out;
}

// Both forms of a zero checksum as one, and no ID under DF, which a merge does not keep.
inline Bytes normalised(Bytes packet) {
  const auto info = ip::parse_packet(packet);
  if (!info) return packet;
  if (info->version == ip::kVersion4 &&
      (load_be<std::uint16_t>(packet.data() + ip::kIpv4FragmentOffset) & ip::kIpv4DontFragment) !=
          0 &&
      ip::Sum().add(ByteView(packet).first(info->ip_header_size)).verifies()) {
    store_be<std::uint16_t>(packet.data() + ip::kIpv4IdOffset, 0);
    store_be<std::uint16_t>(packet.data() + ip::kIpv4ChecksumOffset, 0);
  }
  if (info->kind == ip::PacketKind::Transport && info->protocol == ip::protocol::kTcp) {
    std::uint8_t* checksum = packet.data() + info->ip_header_size + ip::kTcpChecksumOffset;
    if (load_be<std::uint16_t>(checksum) == 0xFFFF) store_be<std::uint16_t>(checksum, 0);
  }
  return packet;
}

using FlowName = std::tuple<IpAddress, IpAddress, std::uint8_t, std::uint16_t, std::uint16_t>;

inline std::map<FlowName, std::vector<Bytes>> by_flow(const std::vector<Bytes>& packets) {
  std::map<FlowName, std::vector<Bytes>> out;
  for (const Bytes& packet : packets) {
    const auto info = ip::parse_packet(packet);
    FlowName name;  // all that is of no known flow keeps its order too
    if (info && info->kind == ip::PacketKind::Transport && !info->is_fragment) {
      name = {info->source, info->destination, info->protocol, info->source_port,
              info->destination_port};
    }
    out[name].push_back(normalised(packet));
  }
  return out;
}

// Empty, or what went wrong.
inline std::string check_round_trip(const std::vector<Bytes>& packets,
                                    Coalescer::Switches switches,
                                    Destination destination) {
  PacketBuffers buffers(packets);
  RecordingSink sink;
  Coalescer coalescer(sink, switches);
  for (std::size_t i = 0; i < buffers.size(); ++i) coalescer.add(buffers[i], destination);
  coalescer.flush();
  if (!sink.has_right_sizes) return "a write's size is not that of its parts";
  const std::vector<Bytes> out = split_writes(sink.writes);
  if (out.size() != packets.size()) return "packets were lost or made";
  if (by_flow(out) != by_flow(packets)) return "packets were changed or reordered";
  return {};
}

}  // namespace warren::tunnel::testing
