#include "sim/site.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/result.h"

namespace warren::sim {

namespace {

using lab::Dependence;
using lab::NatConfig;
using lab::PortChoice;

NatConfig nat(Dependence mapping, Dependence filtering, PortChoice ports) {
  NatConfig out;
  out.mapping = mapping;
  out.filtering = filtering;
  out.ports = ports;
  return out;
}

const NatConfig kEasy =
    nat(Dependence::EndpointIndependent, Dependence::AddressAndPort, PortChoice::Preserve);
const NatConfig kEasyRandom =
    nat(Dependence::EndpointIndependent, Dependence::AddressAndPort, PortChoice::Random);
const NatConfig kEasyAddress =
    nat(Dependence::EndpointIndependent, Dependence::Address, PortChoice::Preserve);
const NatConfig kFullCone =
    nat(Dependence::EndpointIndependent, Dependence::EndpointIndependent, PortChoice::Preserve);
const NatConfig kHard =
    nat(Dependence::AddressAndPort, Dependence::AddressAndPort, PortChoice::Random);
const NatConfig kHardByAddress =
    nat(Dependence::Address, Dependence::AddressAndPort, PortChoice::Random);

// What decides, of all NATs between a machine and the Internet.
struct Behaviour {
  bool is_hard = false;  // its port at one peer is not its port at another
  Dependence filtering = Dependence::EndpointIndependent;
};

Behaviour behaviour(const Site& site) {
  Behaviour out;
  for (const auto& layer : {site.home, site.carrier}) {
    if (!layer) continue;
    out.is_hard |= layer->mapping != Dependence::EndpointIndependent;
    out.filtering = std::max(out.filtering, layer->filtering);
  }
  return out;
}

}  // namespace

const std::vector<Site>& all_sites() {
  static const std::vector<Site> sites{
      {.name = "public", .home = {}, .carrier = {}},
      {.name = "full cone", .home = kFullCone, .carrier = {}},
      {.name = "easy, filters by address", .home = kEasyAddress, .carrier = {}},
      {.name = "easy", .home = kEasy, .carrier = {}},
      {.name = "easy, random ports", .home = kEasyRandom, .carrier = {}},
      {.name = "easy behind CGNAT", .home = kEasy, .carrier = kEasyRandom},
      {.name = "hard by address", .home = kHardByAddress, .carrier = {}},
      {.name = "hard", .home = kHard, .carrier = {}},
      {.name = "easy behind hard CGNAT", .home = kEasy, .carrier = kHard},
      {.name = "hard, with IPv6", .home = kHard, .carrier = {}, .has_v6 = true},
      {.name = "UDP blocked", .home = kEasy, .carrier = {}, .block = lab::Block::Udp},
  };
  return sites;
}

const Site& site(std::string_view name) {
  const auto found = std::ranges::find(all_sites(), name, &Site::name);
  WARREN_CHECK(found != all_sites().end());
  return *found;
}

bool can_be_direct(const Site& a, const Site& b) {
  if (a.block != lab::Block::Nothing || b.block != lab::Block::Nothing) return false;
  if (a.has_v6 && b.has_v6) return true;
  const Behaviour left = behaviour(a);
  const Behaviour right = behaviour(b);
  if (left.is_hard && right.is_hard) return false;
  // The hard side's probe comes from a port that nobody could have told the other: it gets in only
  // where ports do not matter.
  if (left.is_hard) return right.filtering != Dependence::AddressAndPort;
  if (right.is_hard) return left.filtering != Dependence::AddressAndPort;
  return true;
}

SiteRouters make_site(Internet& internet, const Site& site, const std::string& name, int number) {
  SiteRouters out;
  if (!site.home) {
    out.home = &internet.root();
    return out;
  }
  Router* above = &internet.root();
  if (site.carrier) {
    out.carrier = &internet.add_router(
        internet.root(), {.name = name + "-carrier",
                          .v4 = *IpPrefix::parse(fmt::format("100.{}.0.0/16", 64 + number)),
                          .nat = site.carrier});
    above = out.carrier;
  }
  RouterConfig home{.name = name + "-home",
                    .v4 = *IpPrefix::parse(fmt::format("192.168.{}.0/24", number)),
                    .nat = site.home};
  home.firewall.block = site.block;
  if (site.has_v6) {
    home.v6 = *IpPrefix::parse(fmt::format("2001:db8:{:x}::/64", 0x100 + number));
    home.firewall.is_stateful = true;
  }
  out.home = &internet.add_router(*above, std::move(home));
  return out;
}

}  // namespace warren::sim
