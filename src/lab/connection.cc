#include "lab/connection.h"

namespace warren::lab {

Timer Connection::on_packet(Protocol protocol, Direction direction, TcpEvent event) {
  const auto side = std::to_underlying(direction);
  const bool is_over = reset_ || (closed_[0] && closed_[1]);
  if (event == TcpEvent::Open && is_over) *this = {};  // the ports are used again
  seen_[side] = true;
  if (event == TcpEvent::Close) closed_[side] = true;
  if (event == TcpEvent::Reset) reset_ = true;

  const bool is_answered = seen_[0] && seen_[1];
  switch (protocol) {
    case Protocol::Udp:
      return is_answered ? Timer::Udp : Timer::UdpUnreplied;
    case Protocol::Tcp:
      return is_answered && !reset_ && !(closed_[0] && closed_[1]) ? Timer::Tcp
                                                                   : Timer::TcpTransitory;
    case Protocol::Icmp:
      return Timer::Icmp;
  }
  std::unreachable();
}

}  // namespace warren::lab
