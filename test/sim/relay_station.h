#pragma once

#include <array>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "proto/relay/region.h"
#include "relay/hub.h"
#include "sim/host.h"
#include "sim/machine.h"

namespace warren::sim {

// A relay and its STUN responder as programs on a machine. Forwarding is the real hub's; TLS is one
// exchange that tells the server's key, as its meta certificate does. Destroying it is kill -9.
class RelayStation final : public Host {
 public:
  static constexpr std::array<std::uint8_t, 1> kClientHello{0x16};

  static std::optional<RelayPublicKey> key_in_hello(ByteView hello);

  RelayStation(Machine& machine, RelayPrivateKey key, std::uint64_t seed);
  ~RelayStation() override;

  // As the relay map names it. The machine has an IPv4 address; IPv6 is used when it has one.
  relay::Region region(relay::RegionId id) const;

  void admit(const std::vector<NodePublicKey>& members);

  const relay::Hub& hub() const { return hub_; }

  void on_datagram(ByteView datagram, const UdpPath& from) override;  // STUN

 private:
  struct Client;

  StreamEvents accept(const std::shared_ptr<Stream>& stream);
  void on_message(std::uint64_t number, ByteView bytes);
  void on_bytes(Client& client, ByteView bytes);
  void on_closed(std::uint64_t number);
  void finish();
  void perform(const relay::Action& action);

  TimePoint now() { return machine_.internet().time().now(); }

  Machine& machine_;
  SeededRandom random_;
  relay::Hub hub_;
  relay::Actions actions_;
  bool performs_ = false;
  TimePoint wake_ = kNever;
  std::unordered_map<std::uint64_t, std::unique_ptr<Client>> clients_;  // hub's connection ids
  std::uint64_t next_number_ = 1;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace warren::sim
