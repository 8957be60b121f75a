#include <thread>

#include <gtest/gtest.h>

#include "tunnel/testing/mesh_pair.h"

// Workers move packets while a relay client's thread carries their rings and the control strands
// change paths and rotate keys under them. Meaningful under TSan and ASan.
namespace warren::tunnel {
namespace {

TEST(WorkerPathsThreads, SurvivePathsAndKeypairsChangedUnderThem) {
  testing::MeshPair pair;
  pair.connect();
  const auto there = testing::tcp_super_packet(pair.a, pair.b, 20'000, 1'368);
  const auto back = testing::udp_packet(pair.b, pair.a, 64);

  std::atomic<bool> stop = false;
  std::atomic<std::size_t> delivered = 0;
  const auto run = [&](testing::Side& side, const std::vector<std::uint8_t>& packet) {
    while (!stop) {
      side.tun.put(packet);
      for (int i = 0; i < 64; ++i) {
        if (!side.worker->round()) break;
      }
      delivered += side.tun.discard();
      side.control.link().reclaimer.offline();
      std::this_thread::yield();
    }
  };
  std::thread a([&] { run(pair.a, there); });
  std::thread b([&] { run(pair.b, back); });
  std::thread relay([&] {
    while (!stop) {
      pair.carry_data(pair.a);
      pair.carry_data(pair.b);
      std::this_thread::yield();
    }
  });

  const wg::PeerPath to_b{.direct = pair.direct_to(pair.b),
                          .relay = testing::MeshPair::relayed_to(pair.b)};
  const std::array<wg::PeerPath, 4> paths = {{{.direct = to_b.direct, .relay = std::nullopt},
                                              {.direct = std::nullopt, .relay = to_b.relay},
                                              to_b,
                                              {}}};
  const std::vector<std::uint8_t> probe = [] {
    std::vector<std::uint8_t> out(124, 0x11);
    const std::array<std::uint8_t, 6> magic = {0x54, 0x53, 0xF0, 0x9F, 0x92, 0xAC};
    std::ranges::copy(magic, out.begin());
    return out;
  }();
  constexpr std::size_t kChanges = 2'000;
  for (std::size_t change = 0; change < kChanges; ++change) {
    pair.clock.advance(100ms);
    pair.set_path(pair.a, paths[change % paths.size()]);
    pair.inject(pair.b, probe);
    if (change % 60 == 0) {
      pair.a.control.configure(
          [&](wg::Engine& engine, TimePoint now, wg::Actions& out) {
            engine.on_rekey_wanted(pair.a.peer, now, out);
          },
          pair.clock.now());
    }
    const TimePoint now = pair.clock.now();
    for (testing::Side* const side : {&pair.a, &pair.b}) {
      side->control.on_worker(now);
      if (side->control.next_timeout(now) <= now) side->control.on_timeout(now);
      pair.carry_messages(*side);
    }
    std::this_thread::yield();
  }
  stop = true;
  a.join();
  b.join();
  relay.join();
  EXPECT_GT(delivered, 0U);
  EXPECT_GT(pair.a.control.engine().counters().handshakes_completed, 1U);
}

}  // namespace
}  // namespace warren::tunnel
