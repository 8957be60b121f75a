#include <cstddef>
#include <cstdint>
#include <vector>

#include "path/constants.h"
#include "path/engine.h"
#include "proto/disco/frame.h"

// A peer that holds its keys says whatever it likes, while the network around us changes: the
// engine stays bounded and always has its next deadline in the future.
namespace {

using namespace warren;  // NOLINT(google-build-using-namespace): a fuzz target is all Warren

constexpr std::size_t kMaxEvents = 300;
constexpr relay::RegionId kRegion{1};
constexpr path::PeerId kPeer{1};

class Input {
 public:
  explicit Input(ByteView bytes) : in_(bytes) {}

  bool done() const { return in_.remaining() == 0; }

  std::uint8_t byte() { return in_.u8(); }

  ByteView some() { return in_.take(std::min<std::size_t>(in_.u8(), in_.remaining())); }

  Endpoint endpoint() {
    return {.address = IpAddress::v4({198, 51, 100, in_.u8()}), .port = in_.be16()};
  }

 private:
  ByteReader in_;
};

std::vector<std::uint8_t> seal(const DiscoPrivateKey& from,
                               const DiscoPublicKey& to,
                               ByteView payload) {
  BoxKey key;
  WARREN_CHECK(key.init(from.bytes(), to.bytes()));
  std::vector<std::uint8_t> out(payload.size() + disco::kFrameOverhead);
  disco::seal_frame(out, from.public_key(), std::array<std::uint8_t, kBoxNonceSize>{}, key,
                    payload);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input({data, size});
  SeededRandom random(1);
  path::Engine engine(random);
  path::Actions out;
  TimePoint now{1000s};
  auto theirs = DiscoPrivateKey::generate(random);
  const auto node_key = NodePrivateKey::generate(random).public_key();
  engine.set_keys(NodePrivateKey::generate(random).public_key(), DiscoPrivateKey::generate(random));

  auto map = std::make_shared<relay::Map>();
  map->regions.resize(1);
  map->regions[0].id = kRegion;
  map->regions[0].nodes.resize(1);
  map->regions[0].nodes[0].ipv4 = "203.0.113.1";
  engine.set_relay_map(map, now, out);
  path::PeerConfig config{
      .node_key = node_key, .disco_key = theirs.public_key(), .endpoints = {}, .home = kRegion};
  engine.set_peer(kPeer, config, now, out);
  path::LocalNetwork network{
      .addresses = {}, .default_v4 = 1, .default_v6 = 0, .port_v4 = 41641, .port_v6 = 0};
  wg::Activity activity;
  std::uint64_t asked = 0;

  for (std::size_t i = 0; i < kMaxEvents && !input.done(); ++i) {
    switch (input.byte() % 13) {
      case 0:
        engine.on_disco(seal(theirs, engine.disco_key(), input.some()),
                        {.remote = input.endpoint(), .source = std::nullopt}, now, out);
        break;
      case 1:
        engine.on_relayed_disco(seal(theirs, engine.disco_key(), input.some()),
                                {.region = kRegion, .peer = node_key}, now, out);
        break;
      case 2:
        engine.on_stun(input.some(), {.remote = input.endpoint(), .source = std::nullopt}, now,
                       out);
        break;
      case 3:
        activity.authenticated_sent.set(now);
        engine.on_activity(kPeer, activity, now, out);
        break;
      case 4:
        activity.direct_received.set(now);
        engine.on_activity(kPeer, activity, now, out);
        break;
      case 5:
        network.addresses.assign(1, {.address = input.endpoint().address, .interface = 1});
        engine.on_network(network, now, out);
        break;
      case 6:
        engine.on_relay_up(kRegion, now, out);
        break;
      case 7:
        engine.on_relay_down(kRegion, now, out);
        break;
      case 8:
        engine.on_peer_gone({.region = kRegion, .peer = node_key}, now, out);
        break;
      case 9:
        config.endpoints.push_back(input.endpoint());
        if (config.endpoints.size() % 2 == 0) theirs = DiscoPrivateKey::generate(random);
        config.disco_key = theirs.public_key();
        engine.set_peer(kPeer, config, now, out);
        break;
      case 10:
        engine.on_unreachable(kPeer, now, out);
        break;
      case 12:  // some are cancelled, some never
        static_cast<void>(engine.ping(kPeer, ++asked, now, out));
        if (asked % 3 == 0) engine.cancel_ping(asked / 2);
        break;
      default: {
        // Some of its pings are answered, by whoever is asked.
        const Duration step = std::chrono::milliseconds(input.byte() * 40);
        const TimePoint until = now + step;
        while (engine.next_timeout() <= until) {
          now = std::max(now, engine.next_timeout());
          engine.on_timeout(now, out);
          WARREN_CHECK(engine.next_timeout() > now);
          if (out.size() > 4096) out.clear();
        }
        now = until;
      }
    }
    WARREN_CHECK(engine.table_entries() < path::kMaxCandidates + path::kMaxSentPings +
                                              path::kMaxProbesInFlight + path::kMaxRequestedPings +
                                              64);
    out.clear();
  }
  return 0;
}
