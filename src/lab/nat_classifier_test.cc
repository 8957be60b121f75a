#include "lab/nat_classifier.h"

#include <utility>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace warren::lab {

namespace {

const NatSites kSites{
    .hosts = {IpAddress::v4({192, 168, 1, 10}), IpAddress::v4({192, 168, 1, 11})},
    .servers = {IpAddress::v4({198, 51, 100, 1}), IpAddress::v4({198, 51, 100, 2})}};
const IpAddress kExternal = IpAddress::v4({203, 0, 113, 1});
const IpAddress kOtherExternal = IpAddress::v4({203, 0, 113, 2});

// The sites and one NAT, without a network.
class Bench final : public NatSurroundings {
 public:
  Bench(NatConfig config, std::uint64_t seed) : nat_(std::move(config), seed) {}

  std::optional<Arrival> send(const Endpoint& from, const Endpoint& to) override {
    const Flow flow{.protocol = Protocol::Udp, .source = from, .destination = to};
    const bool is_inside = from.address == kSites.hosts[0] || from.address == kSites.hosts[1];
    const NatVerdict verdict = is_inside ? nat_.outbound(flow, TcpEvent::None, now_)
                                         : nat_.inbound(flow, TcpEvent::None, now_);
    if (!verdict.flow) return std::nullopt;
    return Arrival{.at = verdict.flow->destination, .source = verdict.flow->source};
  }

  void wait(Duration time) override { now_ += time; }

 private:
  Nat nat_;
  TimePoint now_{1000s};
};

std::optional<NatBehaviour> classify(const NatConfig& config, std::uint64_t seed) {
  Bench bench(config, seed);
  return NatClassifier(bench, kSites).classify();
}

NatBehaviour expected_of(const NatConfig& config) {
  NatBehaviour out{.mapping = config.mapping,
                   .filtering = config.filtering,
                   .ports = config.ports,
                   .pooling = config.external.size() == 1 ? Pooling::Paired : config.pooling,
                   .hairpin = config.hairpin,
                   .refresh = config.refresh,
                   .udp_timeout = config.udp_timeout,
                   .udp_unreplied_timeout = config.udp_unreplied_timeout};
  if (config.mapping != Dependence::EndpointIndependent &&
      config.filtering != Dependence::EndpointIndependent) {
    out.hairpin = std::nullopt;
  }
  return out;
}

constexpr std::array kDependences = {Dependence::EndpointIndependent, Dependence::Address,
                                     Dependence::AddressAndPort};
constexpr std::array kPortChoices = {PortChoice::Preserve, PortChoice::PreserveParity,
                                     PortChoice::SequentialGlobal, PortChoice::SequentialPerHost,
                                     PortChoice::Random};
constexpr std::array kHairpins = {Hairpin::Off, Hairpin::InternalSource, Hairpin::ExternalSource};
constexpr std::array kRefreshes = {Refresh::Outbound, Refresh::Inbound, Refresh::Both};

}  // namespace

TEST(NatClassifier, FindsWhatIsConfiguredInEveryCombination) {
  std::uint64_t seed = 0;
  for (const Dependence mapping : kDependences) {
    for (const Dependence filtering : kDependences) {
      for (const PortChoice ports : kPortChoices) {
        for (const Hairpin hairpin : kHairpins) {
          for (const Refresh refresh : kRefreshes) {
            SCOPED_TRACE(fmt::format("mapping {} filtering {} ports {} hairpin {} refresh {}",
                                     std::to_underlying(mapping), std::to_underlying(filtering),
                                     std::to_underlying(ports), std::to_underlying(hairpin),
                                     std::to_underlying(refresh)));
            const NatConfig config{.external = {kExternal},
                                   .mapping = mapping,
                                   .filtering = filtering,
                                   .ports = ports,
                                   .hairpin = hairpin,
                                   .refresh = refresh};
            EXPECT_EQ(classify(config, ++seed), expected_of(config));
          }
        }
      }
    }
  }
}

TEST(NatClassifier, FindsTimeouts) {
  for (const auto& [replied, unreplied] :
       {std::pair(300s, 30s), std::pair(30s, 30s), std::pair(120s, 17s), std::pair(20s, 10s)}) {
    SCOPED_TRACE(replied.count());
    const NatConfig config{
        .external = {kExternal}, .udp_timeout = replied, .udp_unreplied_timeout = unreplied};
    EXPECT_EQ(classify(config, 1), expected_of(config));
  }
}

TEST(NatClassifier, TellsPairedFromArbitraryPooling) {
  for (const Pooling pooling : {Pooling::Paired, Pooling::Arbitrary}) {
    const NatConfig config{.external = {kExternal, kOtherExternal}, .pooling = pooling};
    EXPECT_EQ(classify(config, 1), expected_of(config));
  }
}

TEST(NatClassifier, HasNoAnswerWhenNothingGetsOut) {
  EXPECT_EQ(classify({.external = {kExternal}, .max_sessions = 0}, 1), std::nullopt);
}

}  // namespace warren::lab
