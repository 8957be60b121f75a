#pragma once

#include <array>
#include <cstdint>
#include <utility>

#include "base/time.h"
#include "lab/flow.h"

namespace warren::lab {

enum class Direction : std::uint8_t { Outbound, Inbound };

// Which of the timeouts a session runs on.
enum class Timer : std::uint8_t {
  UdpUnreplied,
  Udp,
  TcpTransitory,  // partially open or closing: RFC 5382 section 5
  Tcp,
  Icmp,
  Count,
};

using Timeouts = std::array<Duration, std::to_underlying(Timer::Count)>;

// How far a session has come, from what passed in both directions.
class Connection {
 public:
  // The timer that runs after this packet.
  Timer on_packet(Protocol protocol, Direction direction, TcpEvent event);

 private:
  std::array<bool, 2> seen_{};    // by direction
  std::array<bool, 2> closed_{};  // FIN
  bool reset_ = false;
};

}  // namespace warren::lab
