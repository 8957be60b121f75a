#include "node/os/rule_guard.h"

#include <algorithm>

#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/time.h"
#include "io/clock.h"
#include "io/rule.h"
#include "io/test_namespace.h"
#include "io/tun_device.h"
#include "node/os/policy_rules.h"

namespace warren::node {
namespace {

using ::testing::SizeIs;

class RuleGuardTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto entered = io::enter_test_namespace();
    if (!entered && entered.error().code == Errc::PermissionDenied) {
      GTEST_SKIP() << entered.error().detail;
    }
    ASSERT_TRUE(entered) << entered.error().detail;
    netlink = std::make_unique<io::Netlink>(io::Netlink::open().value());
    device = io::TunDevice::open("warren0").value();
    network = HostNetwork::open(device->index(), log).value();
    ASSERT_TRUE(network->apply({.addresses = {}, .routes = {}}));
    guard = RuleGuard::start(loop.get_executor(), *network, log).value();
  }

  std::vector<io::Rule> ours() const {
    std::vector<io::Rule> out = io::list_rules(*netlink).value();
    std::erase_if(out, [](const io::Rule& rule) { return !is_ours(rule); });
    return out;
  }

  bool comes_back() {
    const auto limit = io::boot_now() + 10s;
    while (ours().size() < 8 && io::boot_now() < limit) loop.run_one_for(1s);
    return ours().size() == 8;
  }

  Log log = Log::nowhere();
  boost::asio::io_context loop;
  std::unique_ptr<io::Netlink> netlink;
  std::unique_ptr<io::TunDevice> device;
  std::unique_ptr<HostNetwork> network;
  std::unique_ptr<RuleGuard> guard;
};

TEST_F(RuleGuardTest, MakesRulesAgainThatSomebodyRemoved) {
  ASSERT_THAT(ours(), SizeIs(8));
  for (const io::Rule& rule : ours()) ASSERT_TRUE(io::remove_rule(*netlink, rule));
  EXPECT_TRUE(comes_back());
  ASSERT_TRUE(io::remove_rule(*netlink, policy_rules(io::AddressFamily::V6)[2]));
  EXPECT_TRUE(comes_back());
}

TEST_F(RuleGuardTest, EndsWithItsOwner) {
  ASSERT_TRUE(io::remove_rule(*netlink, ours().front()));
  loop.poll();
  guard.reset();
  loop.run();  // nothing is left to wait for
  EXPECT_THAT(ours(), SizeIs(7));
}

}  // namespace
}  // namespace warren::node
