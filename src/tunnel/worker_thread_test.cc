#include <thread>

#include <gtest/gtest.h>

#include "policy/filter.h"
#include "tunnel/testing/pair.h"

// Workers move packets while the control strands rotate and wipe keypairs under them (spec:
// data-plane section 10). Meaningful under TSan and ASan.
namespace warren::tunnel {
namespace {

TEST(WorkerThreads, SurviveKeypairsRotatedUnderThem) {
  testing::Pair pair;
  pair.connect();
  const auto there = testing::udp_packet(pair.a, pair.b, 64);
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

  // A rotation: a new handshake, then its keys in use at both ends; time stands still until it is
  // through.
  constexpr std::uint64_t kRotations = 1'000;
  const auto completed = [&] {
    return std::min(pair.a.control.engine().counters().handshakes_completed,
                    pair.b.control.engine().counters().handshakes_completed);
  };
  for (std::uint64_t rotation = completed(); rotation < kRotations; ++rotation) {
    pair.clock.advance(6s);  // past the spacing of initiations
    pair.a.control.configure(
        [&](wg::Engine& engine, TimePoint now, wg::Actions& out) {
          engine.on_rekey_wanted(pair.a.peer, now, out);
        },
        pair.clock.now());
    while (completed() == rotation) {
      pair.clock.advance(100us);  // a lost message is sent again after five seconds
      const TimePoint now = pair.clock.now();
      for (testing::Side* const side : {&pair.a, &pair.b}) {
        side->control.on_worker(now);
        if (side->control.next_timeout(now) <= now) side->control.on_timeout(now);
      }
      std::this_thread::yield();
    }
  }
  stop = true;
  a.join();
  b.join();
  EXPECT_GT(delivered, 0U);
}

TEST(WorkerThreads, TakeFiltersThatChangeUnderThem) {
  testing::Pair pair;
  pair.connect();
  const auto packet = testing::udp_packet(pair.a, pair.b, 64);
  policy::FilterConfig config;
  config.addresses = {pair.b.inner};
  const auto shut = *policy::Filter::create(config);
  const auto all = policy::AddressRange::all(false);
  config.rules.rules = {{.sources = {all},
                         .destinations = {{.addresses = all, .ports = {}}},
                         .protocols = {ip::protocol::kUdp}}};

  std::atomic<bool> stop = false;
  std::atomic<std::size_t> delivered = 0;
  std::thread workers([&] {
    while (!stop) {
      pair.a.tun.put(packet);
      pair.a.worker->round();
      pair.b.worker->round();
      delivered += pair.b.tun.discard();
    }
  });
  // Until both kinds of filter were seen to work.
  std::uint64_t dropped = 0;
  while (dropped < 100 || delivered < 100) {
    pair.b.control.set_filter(*policy::Filter::create(config));
    std::this_thread::yield();
    pair.b.control.set_filter(shut);
    std::this_thread::yield();
    for (const policy::DropRecord& record : pair.b.control.link().packet_filter->drops().read()) {
      EXPECT_EQ(record.peer, pair.b.peer.value);
      dropped = record.count;
    }
  }
  stop = true;
  workers.join();
  EXPECT_GE(pair.b.drops(DropReason::FilterNoRule), dropped);
}

}  // namespace
}  // namespace warren::tunnel
