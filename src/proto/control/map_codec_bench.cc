#include <benchmark/benchmark.h>

#include "proto/control/codec.h"
#include "proto/control/map.h"
#include "proto/control/map_frame.h"

// What a server and a node pay for a peer in the map.
namespace warren::control {

namespace {

// Of the size of a recorded peer (golden data, control/headscale-traffic.jsonl).
Node peer() {
  Node out;
  out.id = NodeId{12345};
  out.stable_id = "n12345";
  out.name = "workstation-12.net.example.";
  out.user = UserId{7};
  out.key = NodePublicKey({1, 2, 3});
  out.machine = MachinePublicKey({4, 5, 6});
  out.disco_key = DiscoPublicKey({7, 8, 9});
  out.key_expiry = WallTime{.seconds = 1'810'000'000};
  out.addresses = {*IpPrefix::parse("100.64.0.1"), *IpPrefix::parse("fd7a:115c:a1e0::1")};
  out.allowed_ips = out.addresses;
  out.endpoints = {*Endpoint::parse("198.51.100.20:41641"), *Endpoint::parse("192.168.21.2:41641"),
                   *Endpoint::parse("[2001:db8:51::20]:41641")};
  out.home_derp = relay::RegionId{901};
  out.created = WallTime{.seconds = 1'795'250'808, .nanoseconds = 907'216'097};
  out.cap = CapVersion{142};
  out.online = true;
  out.machine_authorized = true;
  Hostinfo& info = out.hostinfo.emplace();
  info.ipn_version = "1.102.5";
  info.os = "linux";
  info.os_version = "6.18.44";
  info.hostname = "workstation-12";
  info.services = {{"peerapi4", 45110, ""}, {"peerapi6", 45110, ""}, {"peerapi-dns-proxy", 1, ""}};
  return out;
}

MapResponse map_of(std::size_t peers) {
  MapResponse out;
  out.peers.assign(peers, peer());
  return out;
}

void EncodeNode(benchmark::State& state) {
  const Node node = peer();
  std::string out;
  for (auto _ : state) {
    out.clear();
    append(out, node);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(out.size()) * state.iterations());
}

void DecodeMap(benchmark::State& state) {
  const std::string text = encode(map_of(static_cast<std::size_t>(state.range(0))));
  for (auto _ : state) benchmark::DoNotOptimize(decode<MapResponse>(text));
  state.SetBytesProcessed(static_cast<std::int64_t>(text.size()) * state.iterations());
}

void CompressMap(benchmark::State& state) {
  const std::string text = encode(map_of(static_cast<std::size_t>(state.range(0))));
  MapFrameWriter writer;
  std::vector<std::uint8_t> out;
  for (auto _ : state) {
    out.clear();
    writer.append_message(text, Compression::Zstd, out);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(text.size()) * state.iterations());
}

BENCHMARK(EncodeNode);
BENCHMARK(DecodeMap)->Arg(1)->Arg(1000);
BENCHMARK(CompressMap)->Arg(1)->Arg(1000);

}  // namespace

}  // namespace warren::control
