#include "io/udp_receiver.h"

#include <atomic>
#include <cerrno>

#include "io/control_messages.h"
#include "io/socket_address.h"

namespace warren::io {

struct UdpReceiver::Slots {
  // Left uninitialised: a page is touched when a datagram first lies on it.
  alignas(64) std::uint8_t data[kSlots][kSlotSize];
  alignas(16) std::uint8_t control[kSlots][kReceiveControlSize];
  SocketAddress from[kSlots];
  iovec parts[kSlots] = {};
  mmsghdr headers[kSlots] = {};
  InMessage messages[kSlots];

  std::uint32_t last_overflow[2] = {0, 0};  // per family, as the kernel counts
  std::atomic<std::uint64_t> overflowed = 0;
  std::atomic<std::uint64_t> truncated = 0;

  void prepare();
  void count_overflow(bool is_v6, std::uint32_t total);
  bool take(std::size_t slot, InMessage& out);
};

// The kernel overwrites the lengths with what it used, so they are set anew for every call.
void UdpReceiver::Slots::prepare() {
  for (std::size_t i = 0; i < kSlots; ++i) {
    parts[i] = {.iov_base = data[i], .iov_len = kSlotSize};
    headers[i] = {};
    msghdr& header = headers[i].msg_hdr;
    header.msg_name = &from[i];
    header.msg_namelen = sizeof from[i];
    header.msg_iov = &parts[i];
    header.msg_iovlen = 1;
    header.msg_control = control[i];
    header.msg_controllen = sizeof control[i];
  }
}

// The kernel's number is cumulative per socket; a smaller one than last time is a new socket's.
void UdpReceiver::Slots::count_overflow(bool is_v6, std::uint32_t total) {
  std::uint32_t& last = last_overflow[is_v6 ? 1 : 0];
  const std::uint32_t more = total >= last ? total - last : total;
  last = total;
  overflowed.fetch_add(more, std::memory_order_relaxed);
}

bool UdpReceiver::Slots::take(std::size_t slot, InMessage& out) {
  const msghdr& header = headers[slot].msg_hdr;
  const std::size_t name_size = std::min<std::size_t>(header.msg_namelen, sizeof from[slot]);
  const auto remote =
      from_socket_address({reinterpret_cast<const std::uint8_t*>(&from[slot]), name_size});
  const std::size_t control_size = std::min(header.msg_controllen, sizeof control[slot]);
  const ReceivedControl told = parse_control_messages(ByteView(control[slot]).first(control_size));
  if (told.overflow) count_overflow(from[slot].v6.sin6_family == AF_INET6, *told.overflow);
  if ((header.msg_flags & MSG_TRUNC) != 0 || !remote) {
    truncated.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  out.data = data[slot];
  out.size = headers[slot].msg_len;
  // Without UDP_GRO, or when it says more than there is, the buffer is one datagram.
  out.segment_size = told.segment_size == 0 ? out.size : std::min(told.segment_size, out.size);
  out.from = {.remote = *remote, .source = told.local};
  out.tos = told.tos;
  return true;
}

UdpReceiver::UdpReceiver() : slots_(std::make_unique_for_overwrite<Slots>()) {}

UdpReceiver::~UdpReceiver() = default;

std::span<InMessage> UdpReceiver::receive(UdpPort& port, int& error) {
  slots_->prepare();
  const int got = port.receive(slots_->headers);
  error = got < 0 && got != -EAGAIN ? -got : 0;
  std::size_t count = 0;
  for (std::size_t i = 0; i < kSlots && static_cast<int>(i) < got; ++i) {
    if (slots_->take(i, slots_->messages[count])) ++count;
  }
  return std::span(slots_->messages).first(count);
}

std::uint64_t UdpReceiver::truncated() const {
  return slots_->truncated.load(std::memory_order_relaxed);
}

std::uint64_t UdpReceiver::overflowed() const {
  return slots_->overflowed.load(std::memory_order_relaxed);
}

}  // namespace warren::io
