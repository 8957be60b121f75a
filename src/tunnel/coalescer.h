#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "proto/virtio/net_header.h"

namespace warren::tunnel {

// A piece of a gathered write.
struct BufferPart {
  std::uint8_t* data = nullptr;
  std::size_t size = 0;
};

// One write to the TUN device: parts[0] is virtio header and the first packet, each further part
// the payload of one more packet, where it was decrypted. Valid until the sink returns.
struct TunWrite {
  std::span<const BufferPart> parts;
  std::size_t size = 0;          // of all parts
  std::size_t headers_size = 0;  // IP and transport header of each packet
  virtio::GsoType gso_type = virtio::GsoType::None;

  // What merging changed in the first packet.
  std::uint16_t first_length = 0;  // IPv4 total or IPv6 payload length
  std::uint16_t first_ip_checksum = 0;
  std::uint16_t first_transport_checksum = 0;
  std::uint8_t first_tcp_flags = 0;

  std::size_t packets() const { return parts.size(); }

  bool is_merged() const { return parts.size() > 1; }
};

// Where finished writes go. An implementation counts what it cannot write.
class WriteSink {
 public:
  WriteSink() = default;
  WriteSink(const WriteSink&) = delete;
  WriteSink& operator=(const WriteSink&) = delete;
  virtual ~WriteSink() = default;
  virtual void write(const TunWrite& write) = 0;
};

enum class Destination : std::uint8_t {
  Local,      // an address of this machine
  Forwarded,  // anything else: UDP is never merged (section 11: it breaks VXLAN on old kernels)
};

// Merges the inner packets of one receive batch into super-packets (spec: data-plane section 2.5).
//
// A packet opens a flow, is appended to its open flow, or is written alone. A flow is written when
// it is full, when a packet ends it (a short one, or PSH), when a packet of the same flow cannot be
// appended, when a seventeenth flow needs its place, and by flush(). So each flow keeps its order,
// and nothing is held when flush() has returned; the caller flushes at the end of each batch.
//
// Packets lie in the caller's buffers, with kNetHeaderSize writable bytes before each (the place of
// the WireGuard header), and must stay there untouched until they are written. Nothing is copied or
// allocated.
class Coalescer {
 public:
  static constexpr std::size_t kMaxFlows = 16;
  static constexpr std::size_t kMaxParts = 66;
  static constexpr std::size_t kMaxUdpParts = 64;

  struct Switches {
    bool tcp = true;
    bool udp = false;  // needs USO, Linux 6.2
  };

  // `sink` must outlive the coalescer.
  Coalescer(WriteSink& sink, Switches switches) : sink_(sink), switches_(switches) {}

  // Takes effect for packets that are added later. Off when the kernel refuses merged writes.
  void set_switches(Switches switches) { switches_ = switches; }

  Switches switches() const { return switches_; }

  // `packet` is one whole inner packet, authenticated and filtered, without padding.
  void add(MutableByteView packet, Destination destination);

  void flush();

 private:
  struct FlowKey {
    std::array<std::uint64_t, 4> addresses{};  // IPv4: both in the first
    std::uint32_t ports = 0;
    std::uint8_t version = 0;
    std::uint8_t protocol = 0;

    bool operator==(const FlowKey&) const = default;
  };

  // A packet that may be merged, or at least belongs to a flow.
  struct Candidate {
    MutableByteView packet;
    FlowKey key;
    bool may_merge = false;
    std::uint8_t ip_header_size = 0;
    std::uint8_t transport_header_size = 0;
    bool has_psh = false;
    bool has_df = false;
    std::uint16_t id = 0;
    std::uint32_t sequence = 0;

    std::size_t headers_size() const { return std::size_t{ip_header_size} + transport_header_size; }

    std::size_t payload_size() const { return packet.size() - headers_size(); }
  };

  struct Flow {
    Candidate first;
    std::uint32_t next_sequence = 0;
    std::uint16_t next_id = 0;
    bool first_verified = false;
    bool psh = false;
    std::size_t size = 0;  // packet as merged so far, without the virtio header
    std::size_t count = 0;
    std::array<BufferPart, kMaxParts> parts;
  };

  enum class Verdict : std::uint8_t { Append, AppendAndClose, Refuse };

  enum class Membership : std::uint8_t {
    None,  // of no flow that could be open
    Any,   // of a flow that is not known: a fragment, or behind IPv6 extension headers
    One,
  };

  Membership read(MutableByteView packet, Destination destination, Candidate& out) const;
  static Membership read_v4(Candidate& out);
  static Membership read_v6(Candidate& out);
  void read_tcp(Candidate& out) const;
  void read_udp(Candidate& out, Destination destination) const;

  static Verdict judge(const Flow& flow, const Candidate& candidate);
  static bool has_same_headers(const Candidate& a, const Candidate& b);
  static bool has_good_checksums(const Candidate& candidate);

  std::size_t find(const FlowKey& key) const;  // flow_count_ when there is none
  void open(const Candidate& candidate);
  static void append(Flow& flow, const Candidate& candidate);
  void close(std::size_t index);
  void write(Flow& flow);
  void write_alone(MutableByteView packet);

  WriteSink& sink_;
  Switches switches_;
  std::size_t flow_count_ = 0;
  // Indexes into flows_, oldest first; behind flow_count_ the free ones.
  std::array<std::uint8_t, kMaxFlows> order_ = {0, 1, 2,  3,  4,  5,  6,  7,
                                                8, 9, 10, 11, 12, 13, 14, 15};
  std::array<Flow, kMaxFlows> flows_;
};

// Undoes a merge the kernel refused: gives `sink` each packet of `write` alone, as it was before.
void write_apart(const TunWrite& write, WriteSink& sink);

}  // namespace warren::tunnel
