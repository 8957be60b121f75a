#include "io/control_messages.h"

#include <cstring>

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include "base/result.h"
#include "io/socket_address.h"

namespace warren::io {

namespace {

// The data of a message as a T; none when there is less of it.
template <class T>
std::optional<T> value_of(ByteView data) {
  if (data.size() < sizeof(T)) return std::nullopt;
  T out;
  std::memcpy(&out, data.data(), sizeof out);
  return out;
}

void take_message(int level, int type, ByteView data, ReceivedControl& out) {
  if (level == SOL_UDP && type == UDP_GRO) {
    const auto size = value_of<int>(data);
    if (size && *size > 0) out.segment_size = static_cast<std::uint32_t>(*size);
  } else if (level == SOL_IP && type == IP_PKTINFO) {
    const auto info = value_of<in_pktinfo>(data);
    if (info) {
      out.local =
          LocalAddress{ip_of(info->ipi_spec_dst), static_cast<std::uint32_t>(info->ipi_ifindex)};
    }
  } else if (level == SOL_IPV6 && type == IPV6_PKTINFO) {
    const auto info = value_of<in6_pktinfo>(data);
    if (info) out.local = LocalAddress{ip_of(info->ipi6_addr), info->ipi6_ifindex};
  } else if (level == SOL_IP && type == IP_TOS) {
    out.tos = value_of<std::uint8_t>(data).value_or(0);
  } else if (level == SOL_IPV6 && type == IPV6_TCLASS) {
    out.tos = static_cast<std::uint8_t>(value_of<int>(data).value_or(0));
  } else if (level == SOL_SOCKET && type == SO_RXQ_OVFL) {
    out.overflow = value_of<std::uint32_t>(data);
  }
}

}  // namespace

ReceivedControl parse_control_messages(ByteView control) {
  ReceivedControl out;
  while (control.size() >= sizeof(cmsghdr)) {
    cmsghdr header{};
    std::memcpy(&header, control.data(), sizeof header);
    if (header.cmsg_len < sizeof header || header.cmsg_len > control.size()) break;
    take_message(header.cmsg_level, header.cmsg_type,
                 control.subspan(CMSG_LEN(0), header.cmsg_len - CMSG_LEN(0)), out);
    const std::size_t step = CMSG_ALIGN(header.cmsg_len);
    if (step >= control.size()) break;
    control = control.subspan(step);
  }
  return out;
}

void ControlWriter::segment_size(std::uint16_t size) {
  append(SOL_UDP, UDP_SEGMENT, &size, sizeof size);
}

void ControlWriter::source(const LocalAddress& source) {
  const auto bytes = source.address.bytes();
  if (source.address.is_v4()) {
    in_pktinfo info{};
    info.ipi_ifindex = static_cast<int>(source.interface);
    std::memcpy(&info.ipi_spec_dst, bytes.data(), bytes.size());
    append(SOL_IP, IP_PKTINFO, &info, sizeof info);
  } else {
    in6_pktinfo info{};
    info.ipi6_ifindex = source.interface;
    std::memcpy(&info.ipi6_addr, bytes.data(), bytes.size());
    append(SOL_IPV6, IPV6_PKTINFO, &info, sizeof info);
  }
}

void ControlWriter::tos(bool is_v6, std::uint8_t tos) {
  const int value = tos;
  append(is_v6 ? SOL_IPV6 : SOL_IP, is_v6 ? IPV6_TCLASS : IP_TOS, &value, sizeof value);
}

void ControlWriter::append(int level, int type, const void* data, std::size_t size) {
  WARREN_CHECK(out_.size() - used_ >= CMSG_SPACE(size));
  const cmsghdr header{.cmsg_len = CMSG_LEN(size), .cmsg_level = level, .cmsg_type = type};
  std::memcpy(out_.data() + used_, &header, sizeof header);
  std::memcpy(out_.data() + used_ + CMSG_LEN(0), data, size);
  used_ += CMSG_SPACE(size);
}

}  // namespace warren::io
