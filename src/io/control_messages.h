#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/udp_path.h"

// The control messages that travel beside UDP datagrams (spec: data-plane section 3.1). Each is a
// cmsghdr {size_t length with header, int level, int type}, data, padding to 8.
namespace warren::io {

// Enough for UDP_GRO, IPV6_PKTINFO, IPV6_TCLASS and SO_RXQ_OVFL: 24 + 40 + 24 + 24.
inline constexpr std::size_t kReceiveControlSize = 128;
// UDP_SEGMENT, IPV6_PKTINFO and IPV6_TCLASS: 24 + 40 + 24, kept a multiple of 16.
inline constexpr std::size_t kSendControlSize = 96;

struct ReceivedControl {
  std::uint32_t segment_size = 0;         // 0: not told, the buffer is one datagram
  std::optional<LocalAddress> local;      // where it came to
  std::uint8_t tos = 0;                   // outer DSCP and ECN
  std::optional<std::uint32_t> overflow;  // the socket's drops since it was opened

  bool operator==(const ReceivedControl&) const = default;
};

// Takes what it knows and has the right size; ends at the first message whose length cannot be.
ReceivedControl parse_control_messages(ByteView control);

// Appends to a zeroed buffer of kSendControlSize, 8-aligned.
class ControlWriter {
 public:
  explicit ControlWriter(MutableByteView out) : out_(out) {}

  void segment_size(std::uint16_t size);
  void source(const LocalAddress& source);
  void tos(bool is_v6, std::uint8_t tos);

  std::size_t size() const { return used_; }

 private:
  void append(int level, int type, const void* data, std::size_t size);

  MutableByteView out_;
  std::size_t used_ = 0;
};

}  // namespace warren::io
