#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/ip_address.h"
#include "base/time.h"
#include "lab/nat.h"

// What a NAT does, found out from outside it: by hosts behind it and servers in front. So a router,
// simulated or real, is held against its configuration.
namespace warren::lab {

struct Arrival {
  Endpoint at;
  Endpoint source;  // as it is seen there

  bool operator==(const Arrival&) const = default;
};

// Hosts inside and servers outside, with a NAT between them.
class NatSurroundings {
 public:
  NatSurroundings() = default;
  NatSurroundings(const NatSurroundings&) = delete;
  NatSurroundings& operator=(const NatSurroundings&) = delete;
  virtual ~NatSurroundings() = default;

  // Where a UDP datagram arrives; none: nowhere. All ports of hosts and servers are open.
  virtual std::optional<Arrival> send(const Endpoint& from, const Endpoint& to) = 0;
  virtual void wait(Duration time) = 0;
};

struct NatSites {
  std::array<IpAddress, 2> hosts;
  std::array<IpAddress, 2> servers;
};

struct NatBehaviour {
  Dependence mapping{};
  Dependence filtering{};
  PortChoice ports{};
  Pooling pooling{};
  // None: cannot be told from Off. Where mapping and filtering both depend on the destination,
  // neither host can know which endpoint of the other would let it in.
  std::optional<Hairpin> hairpin;
  Refresh refresh{};
  Duration udp_timeout{};  // to the second
  Duration udp_unreplied_timeout{};

  bool operator==(const NatBehaviour&) const = default;
};

class NatClassifier {
 public:
  static constexpr Duration kLongestTimeout = 3600s;  // what lasts longer is taken for this

  NatClassifier(NatSurroundings& surroundings, const NatSites& sites)
      : surroundings_(surroundings), sites_(sites) {}

  // None: nothing gets out.
  std::optional<NatBehaviour> classify();

 private:
  // An inside endpoint that was never used, and what its first packet to a server looked like.
  struct Opened {
    Endpoint inside;
    Endpoint external;
  };

  enum class Replied : std::uint8_t { No, Yes };

  Endpoint server(std::size_t index, std::uint16_t port) const;
  std::optional<Opened> open(std::size_t host);
  bool passes(const Endpoint& from, const Opened& to);

  Dependence mapping();
  Dependence filtering();
  PortChoice ports(const std::vector<Opened>& opened) const;
  Pooling pooling(const std::vector<Opened>& opened) const;
  std::optional<Hairpin> hairpin(Dependence mapping, Dependence filtering);
  Duration timeout(Replied replied);
  bool survives(Replied replied, Duration silence);
  Refresh refresh(Duration timeout);

  NatSurroundings& surroundings_;
  NatSites sites_;
  std::uint16_t next_port_ = 20000;
};

}  // namespace warren::lab
