#include <string>

#include <benchmark/benchmark.h>

#include "base/random.h"
#include "policy/packet_filter.h"
#include "policy/testing.h"

// What the filter costs a packet: of the flow of the last one, of any of many flows, and the first
// of a flow among ten thousand ranges (spec: policy section 7.4 wants 25 ns and 150 ns). Parsing is
// not part of it. Build with the release preset.
namespace warren::policy {
namespace {

constexpr TimePoint kNow{1h};

std::string peer(std::size_t i) {
  return IpAddress::v4(
             {100, 65, static_cast<std::uint8_t>(i / 200), static_cast<std::uint8_t>(i % 200)})
      .to_string();
}

// `rules` rules for as many peers each, single addresses with a gap behind each.
FilterConfig config(std::size_t rules, std::size_t ranges) {
  std::vector<WireRule> wire;
  for (std::size_t i = 0; i < rules; ++i) {
    const auto port = static_cast<std::int64_t>(i + 1);
    WireRule rule = testing::wire_rule({}, {{"100.64.0.1", port, port}});
    for (std::size_t j = i; j < ranges; j += rules) rule.sources.push_back(peer(2 * j));
    wire.push_back(std::move(rule));
  }
  return {.rules = testing::rules(wire),
          .addresses = {testing::address("100.64.0.1")},
          .routes = {},
          .own_networks = {},
          .jailed = {},
          .peer_api = {}};
}

ip::PacketInfo datagram(std::size_t i, std::size_t rules) {
  return testing::parse({.source = testing::address(peer(2 * i)),
                         .destination = testing::address("100.64.0.1"),
                         .source_port = 7,
                         .destination_port = static_cast<std::uint16_t>(i % rules + 1)});
}

std::vector<ip::PacketInfo> datagrams(std::size_t count, std::size_t rules) {
  std::vector<ip::PacketInfo> out;
  SeededRandom random(1);
  for (std::size_t i = 0; i < count; ++i) out.push_back(datagram(i, rules));
  for (std::size_t i = count; i > 1; --i) std::swap(out[i - 1], out[random.below(i)]);
  return out;
}

void same_flow(benchmark::State& state) {
  PacketFilter filter(1);
  filter.set_filter(testing::make_filter(config(10, 100)));
  const ip::PacketInfo packet = datagram(5, 10);
  while (state.KeepRunning()) benchmark::DoNotOptimize(filter.check_inbound(packet, {}, kNow));
}

void known_flows(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  PacketFilter filter(1);
  filter.set_filter(testing::make_filter(config(10, 10'000)));
  const auto packets = datagrams(count, 10);
  std::size_t i = 0;
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(filter.check_inbound(packets[i++ % count], {}, kNow));
  }
}

void rules_alone(benchmark::State& state) {
  const auto rules = static_cast<std::size_t>(state.range(0));
  const auto filter = testing::make_filter(config(rules, 10'000));
  const auto packets = datagrams(10'000, rules);
  std::size_t i = 0;
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(filter->judge(packets[i++ % packets.size()]));
  }
}

void build(benchmark::State& state) {
  const FilterConfig input = config(static_cast<std::size_t>(state.range(0)), 10'000);
  while (state.KeepRunning()) benchmark::DoNotOptimize(Filter::create(input));
}

BENCHMARK(same_flow);
BENCHMARK(known_flows)->Arg(10)->Arg(10'000);
BENCHMARK(rules_alone)->Arg(10)->Arg(1'000);
BENCHMARK(build)->Arg(10)->Arg(1'000);

}  // namespace
}  // namespace warren::policy

BENCHMARK_MAIN();
