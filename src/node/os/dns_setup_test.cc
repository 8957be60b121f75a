#include "node/os/dns_setup.h"

#include <filesystem>

#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/clock.h"
#include "node/os/dns_test_host.h"

namespace warren::node {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kHosts = "nameserver 192.0.2.1\n";

struct DnsSetupTest : ::testing::Test {
  DnsSetupTest() { machine.write("etc/resolv.conf", kHosts); }

  void open() {
    auto opened =
        DnsSetup::open(loop.get_executor(), machine.host, Log::nowhere(), [this] { ++changes; });
    ASSERT_TRUE(opened) << opened.error().detail;
    setup = std::move(*opened);
  }

  template <class Predicate>
  [[nodiscard]] bool until(Predicate is_so) {
    const TimePoint limit = io::boot_now() + 20s;
    while (!is_so()) {
      if (io::boot_now() > limit) return false;
      loop.restart();
      loop.run_for(std::chrono::milliseconds(1));
    }
    return true;
  }

  bool is_ours() const {
    return machine.read("etc/resolv.conf").find("100.100.100.100") != std::string::npos;
  }

  void stop() {
    bool is_stopped = false;
    const auto run = [](DnsSetup* what, bool* done) -> boost::asio::awaitable<void> {
      co_await what->stop();
      *done = true;
    };
    io::spawn(loop.get_executor(), Log::nowhere(), "stop", run(setup.get(), &is_stopped));
    ASSERT_TRUE(until([&] { return is_stopped; }));
  }

  testing::DnsTestHost machine;
  boost::asio::io_context loop;
  int changes = 0;
  std::unique_ptr<DnsSetup> setup;
};

TEST_F(DnsSetupTest, TellsTheHostAndTakesItBack) {
  open();
  EXPECT_EQ(setup->manager(), DnsManager::File);
  EXPECT_THAT(setup->base().nameservers, ElementsAre(IpAddress::v4({192, 0, 2, 1})));
  setup->apply(testing::overlay_names());
  ASSERT_TRUE(until([&] { return setup->told() == testing::overlay_names(); }));
  EXPECT_TRUE(is_ours());
  setup->apply({});
  ASSERT_TRUE(until([&] { return setup->told().is_hands_off(); }));
  EXPECT_EQ(machine.read("etc/resolv.conf"), kHosts);
  EXPECT_EQ(changes, 0);
  stop();
}

TEST_F(DnsSetupTest, TakesItBackWhenItStops) {
  open();
  setup->apply(testing::overlay_names());
  ASSERT_TRUE(until([&] { return is_ours(); }));
  stop();
  EXPECT_EQ(machine.read("etc/resolv.conf"), kHosts);
}

TEST_F(DnsSetupTest, TakesItBackWhenItIsDestroyed) {
  open();
  setup->apply(testing::overlay_names());
  ASSERT_TRUE(until([&] { return is_ours(); }));
  setup.reset();
  EXPECT_EQ(machine.read("etc/resolv.conf"), kHosts);
}

TEST_F(DnsSetupTest, TakesBackWhatAnEarlierRunLeft) {
  open();
  setup->apply(testing::overlay_names());
  ASSERT_TRUE(until([&] { return is_ours(); }));
  const std::string ours = machine.read("etc/resolv.conf");
  const std::string kept = machine.read("etc/resolv.before-warren.conf");
  stop();
  machine.write("etc/resolv.before-warren.conf", kept);
  machine.write("etc/resolv.conf", ours);
  open();
  EXPECT_EQ(machine.read("etc/resolv.conf"), kHosts);
  stop();
}

TEST_F(DnsSetupTest, TellsItAgainWhenOthersOverwriteItAndThenGivesWay) {
  open();
  setup->apply(testing::overlay_names());
  ASSERT_TRUE(until([&] { return is_ours(); }));
  machine.write("etc/resolv.conf", "nameserver 192.0.2.8\n");
  ASSERT_TRUE(until([&] { return is_ours() && changes > 0; }));
  EXPECT_THAT(setup->base().nameservers, ElementsAre(IpAddress::v4({192, 0, 2, 8})));
  EXPECT_THAT(setup->health(), IsEmpty());
  machine.write("etc/resolv.conf", "nameserver 192.0.2.9\n");
  ASSERT_TRUE(until([&] { return !setup->health().empty(); }));
  EXPECT_THAT(setup->health().front(), HasSubstr("Another program overwrites"));
  EXPECT_EQ(machine.read("etc/resolv.conf"), "nameserver 192.0.2.9\n");
  stop();
  EXPECT_EQ(machine.read("etc/resolv.conf"), "nameserver 192.0.2.9\n");
}

TEST_F(DnsSetupTest, FollowsTheHostsOwnNameservers) {
  open();
  machine.write("etc/resolv.conf", "nameserver 192.0.2.8\n");
  ASSERT_TRUE(until([&] { return changes > 0; }));
  EXPECT_THAT(setup->base().nameservers, ElementsAre(IpAddress::v4({192, 0, 2, 8})));
  stop();
}

TEST_F(DnsSetupTest, SaysWhyTheHostCannotBeTold) {
  std::filesystem::remove(machine.root / "etc/resolv.conf");
  std::filesystem::create_directory(machine.root / "etc/resolv.conf");
  open();
  setup->apply(testing::overlay_names());
  ASSERT_TRUE(until([&] { return !setup->health().empty(); }));
  EXPECT_THAT(setup->health().front(), HasSubstr("resolv.conf is no file"));
  EXPECT_EQ(changes, 1);
  stop();
}

TEST_F(DnsSetupTest, LeavesAForeignMachineAlone) {
  machine.host.is_foreign = true;
  open();
  EXPECT_EQ(setup->manager(), DnsManager::None);
  EXPECT_THAT(setup->base().nameservers, ElementsAre(IpAddress::v4({192, 0, 2, 1})));
  setup->apply(testing::overlay_names());
  ASSERT_TRUE(until([&] { return setup->told() == testing::overlay_names(); }));
  EXPECT_EQ(machine.read("etc/resolv.conf"), kHosts);
  EXPECT_THAT(setup->health(), IsEmpty());
  stop();
}

}  // namespace
}  // namespace warren::node
