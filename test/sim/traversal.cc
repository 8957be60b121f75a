#include "sim/traversal.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "sim/mesh_pair.h"

namespace warren::sim {

namespace {

constexpr int kRuns = 3;  // of each pair, with other seeds
constexpr Duration kLimit = 5s;
constexpr Duration kInterval = 5ms;  // between packets, and the resolution of what is measured

constexpr std::string_view kIntroduction = R"(# Through the NATs
Which machines reach each other directly, and how soon. Everywhere else packets go through the relay, sealed end to end, and
nobody has to do anything about it.

This page is written by the simulator: `build/dev/test/sim/warren-traversal > docs/traversal.md`. A test fails when it is not
what the simulator finds (`ctest -R sim.Traversal`).

## The places

| place | router of the home | carrier above it |
|---|---|---|
)";

constexpr std::string_view kMeasured = R"(
*Mapping* is what the port outside depends on, *filtering* who may send to it (RFC 4787). Hard is a mapping that depends on the
destination: no peer can be told the port that it will see. "IPv6": a stateful firewall, no NAT.

## Time to direct

Both nodes start at the same moment and talk at once. Each router adds 5 ms each way, so a packet between two homes takes 10 ms
(20 ms with a carrier on both sides), and as long to the relay and back. In milliseconds, from the start of both processes and
with connecting to the relay in it; the middle of three runs. "Relayed" where no direct path was found in five seconds.

)";

std::string describe(const lab::NatConfig& nat) {
  const auto dependence = [](lab::Dependence on) {
    switch (on) {
      case lab::Dependence::EndpointIndependent:
        return "independent";
      case lab::Dependence::Address:
        return "by address";
      case lab::Dependence::AddressAndPort:
        return "by address and port";
    }
    return "";
  };
  return fmt::format("mapping {}, filtering {}, {} ports", dependence(nat.mapping),
                     dependence(nat.filtering),
                     nat.ports == lab::PortChoice::Preserve ? "same" : "random");
}

std::string time_to_direct(const Site& a, const Site& b) {
  std::vector<Duration> times;
  for (std::uint64_t seed = 1; seed <= kRuns; ++seed) {
    MeshPair pair(seed, a, b);
    // One that fails would fail again: what decides is no chance.
    const auto took = pair.time_to_direct(kLimit, kInterval);
    if (!took) return "relayed";
    times.push_back(*took);
  }
  std::ranges::sort(times);
  return fmt::format("{}", times[kRuns / 2] / 1ms);
}

}  // namespace

std::string traversal_page() {
  std::string out(kIntroduction);
  int number = 1;
  for (const Site& site : all_sites()) {
    std::string home = site.home ? describe(*site.home) : "none";
    if (site.block == lab::Block::Udp) home += ", and no UDP at all";
    if (site.has_v6) home += "; and IPv6";
    out += fmt::format("| {} {} | {} | {} |\n", number++, site.name, home,
                       site.carrier ? describe(*site.carrier) : "");
  }
  out += kMeasured;

  out += "| |";
  for (std::size_t i = 1; i <= all_sites().size(); ++i) out += fmt::format(" {} |", i);
  out += "\n|---|";
  for (std::size_t i = 0; i < all_sites().size(); ++i) out += "---|";
  out += "\n";
  for (std::size_t row = 0; row < all_sites().size(); ++row) {
    out += fmt::format("| {} {} |", row + 1, all_sites()[row].name);
    for (std::size_t column = 0; column < all_sites().size(); ++column) {
      const bool is_repetition = column < row;
      out += is_repetition
                 ? " |"
                 : fmt::format(" {} |", time_to_direct(all_sites()[row], all_sites()[column]));
    }
    out += "\n";
  }
  return out;
}

}  // namespace warren::sim
