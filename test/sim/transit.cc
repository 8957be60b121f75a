#include "sim/transit.h"

#include <fmt/format.h>

namespace warren::sim {

namespace {

constexpr std::size_t kIpv4Header = 20;
constexpr std::size_t kIpv6Header = 40;
constexpr std::size_t kUdpHeader = 8;
constexpr std::size_t kTcpHeader = 20;

const char* name_of(const Transit::Segment& segment) {
  switch (segment.event) {
    case lab::TcpEvent::None:
      return segment.is_in_sequence ? "data" : "ack";
    case lab::TcpEvent::Open:
      return segment.acknowledged == 0 ? "syn" : "syn-ack";
    case lab::TcpEvent::Close:
      return "fin";
    case lab::TcpEvent::Reset:
      return "rst";
  }
  return "";
}

}  // namespace

std::size_t Transit::size() const {
  return (flow.source.address.is_v4() ? kIpv4Header : kIpv6Header) +
         (flow.protocol == lab::Protocol::Udp ? kUdpHeader : kTcpHeader) +
         (payload ? payload->size() : 0);
}

std::string Transit::description() const {
  const std::string what = flow.protocol == lab::Protocol::Udp
                               ? std::string("udp")
                               : fmt::format("tcp {} {}", name_of(segment), segment.sequence);
  return fmt::format("{} {} > {} {} bytes", what, flow.source.to_string(),
                     flow.destination.to_string(), payload ? payload->size() : 0);
}

}  // namespace warren::sim
