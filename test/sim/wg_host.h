#pragma once

#include <string>

#include "sim/host.h"
#include "sim/network.h"
#include "sim/wg_stack.h"

namespace warren::sim {

// A plain WireGuard host at an endpoint of the network.
class WgHost final : public Host, public WgStack {
 public:
  WgHost(Network& network, std::string name, const Endpoint& at, std::uint64_t seed);
  ~WgHost() override;

  const Endpoint& endpoint() const { return at_; }

  // The host is somewhere else now; its peers find out by what it sends.
  void move_to(const Endpoint& at);

  void on_datagram(ByteView datagram, const UdpPath& from) override { receive(datagram, from); }

 private:
  void send_message(const wg::SendMessage& message) override;
  void send_data(const wg::DataPeer& peer, const wg::PeerPath& path, ByteView datagram) override;

  bool is_traced() const override { return network_.is_traced(); }

  void note(std::string_view what) override { network_.note(name_, what); }

  Network& network_;
  const std::string name_;
  Endpoint at_;
};

}  // namespace warren::sim
