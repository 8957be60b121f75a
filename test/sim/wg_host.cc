#include "sim/wg_host.h"

#include <utility>

#include <fmt/format.h>

namespace warren::sim {

WgHost::WgHost(Network& network, std::string name, const Endpoint& at, std::uint64_t seed)
    : WgStack(network.time(), seed, wg::PathMode::Roaming),
      network_(network),
      name_(std::move(name)),
      at_(at) {
  network_.attach(at_, *this);
}

WgHost::~WgHost() {
  network_.detach(at_);
}

void WgHost::move_to(const Endpoint& at) {
  network_.detach(at_);
  at_ = at;
  network_.attach(at_, *this);
}

void WgHost::send_message(const wg::SendMessage& message) {
  WARREN_CHECK(message.to.has_value());
  if (is_traced()) {
    note(
        fmt::format("message {} to {}", message.message.view()[0], message.to->remote.to_string()));
  }
  network_.send(at_, message.to->remote, message.message.view());
}

void WgHost::send_data(const wg::DataPeer& /*peer*/, const wg::PeerPath& path, ByteView datagram) {
  WARREN_CHECK(path.direct.has_value());
  network_.send(at_, path.direct->remote, datagram);
}

}  // namespace warren::sim
