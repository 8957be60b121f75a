#include "node/os/dns_file.h"

#include <filesystem>

#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node/os/dns_resolv_conf.h"
#include "node/os/dns_test_host.h"

namespace warren::node {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr std::string_view kHosts = "# mine\nnameserver 192.0.2.1\nsearch lan\n\n";

struct DnsFileTest : ::testing::Test {
  DnsFileTest() { machine.write("etc/resolv.conf", kHosts); }

  std::vector<std::string> files(std::string_view directory) const {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(machine.root / directory)) {
      out.push_back(entry.path().filename().string());
    }
    return out;
  }

  testing::DnsTestHost machine;
  const OsDnsConfig config = testing::overlay_names();
};

TEST_F(DnsFileTest, PutsOursThereAndTheHostsBackToTheByte) {
  ASSERT_EQ(chmod((machine.root / "etc/resolv.conf").c_str(), 0640), 0);
  DnsFile file(machine.host);
  ASSERT_TRUE(file.set(config));
  EXPECT_THAT(machine.read("etc/resolv.conf"), HasSubstr("nameserver 100.100.100.100\n"));
  EXPECT_THAT(machine.read("etc/resolv.conf"), HasSubstr("search home.internal lan\n"));
  EXPECT_TRUE(file.holds());
  EXPECT_THAT(file.base().nameservers, ElementsAre(IpAddress::v4({192, 0, 2, 1})));
  EXPECT_THAT(file.base().search, ElementsAre("lan"));

  ASSERT_TRUE(file.set({}));
  EXPECT_EQ(machine.read("etc/resolv.conf"), kHosts);
  struct stat found{};
  ASSERT_EQ(stat((machine.root / "etc/resolv.conf").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0640U);
  EXPECT_THAT(files("etc"), ElementsAre("resolv.conf"));
}

TEST_F(DnsFileTest, KeepsTheHostsWhenTheConfigChanges) {
  DnsFile file(machine.host);
  ASSERT_TRUE(file.set(config));
  OsDnsConfig other = config;
  other.search = {"other.internal"};
  ASSERT_TRUE(file.set(other));
  EXPECT_THAT(machine.read("etc/resolv.conf"), HasSubstr("search other.internal lan\n"));
  ASSERT_TRUE(file.set({}));
  EXPECT_EQ(machine.read("etc/resolv.conf"), kHosts);
}

TEST_F(DnsFileTest, OfAKilledRunIsTakenBackByTheNext) {
  ASSERT_TRUE(DnsFile(machine.host).set(config));
  const auto cleaned = clean_dns(machine.host);
  ASSERT_TRUE(cleaned);
  EXPECT_TRUE(*cleaned);
  EXPECT_EQ(machine.read("etc/resolv.conf"), kHosts);
  const auto again = clean_dns(machine.host);
  ASSERT_TRUE(again);
  EXPECT_FALSE(*again);
}

TEST_F(DnsFileTest, OfARunKilledBeforeItWroteLeavesTheHostsAlone) {
  ASSERT_TRUE(DnsFile(machine.host).set(config));
  machine.write("etc/resolv.conf", kHosts);  // the backup is there, ours is not
  ASSERT_TRUE(clean_dns(machine.host));
  EXPECT_EQ(machine.read("etc/resolv.conf"), kHosts);
  EXPECT_THAT(files("etc"), ElementsAre("resolv.conf"));
}

TEST_F(DnsFileTest, KeepsASymbolicLinkAsOne) {
  machine.write("run/dynamic.conf", kHosts);
  std::filesystem::remove(machine.root / "etc/resolv.conf");
  std::filesystem::create_symlink("../run/dynamic.conf", machine.root / "etc/resolv.conf");
  DnsFile file(machine.host);
  ASSERT_TRUE(file.set(config));
  EXPECT_EQ(machine.read("run/dynamic.conf"), kHosts) << "written through the link";
  EXPECT_THAT(file.watched(), ::testing::Contains((machine.root / "run").string()));
  // What the link leads to goes on to be the host's own.
  machine.write("run/dynamic.conf", "nameserver 192.0.2.7\n");
  EXPECT_THAT(file.base().nameservers, ElementsAre(IpAddress::v4({192, 0, 2, 7})));
  ASSERT_TRUE(file.set({}));
  EXPECT_EQ(std::filesystem::read_symlink(machine.root / "etc/resolv.conf"), "../run/dynamic.conf");
}

TEST_F(DnsFileTest, KeepsALinkThatLeadsNowhere) {
  std::filesystem::remove(machine.root / "etc/resolv.conf");
  std::filesystem::create_symlink("/run/nothing/resolv.conf", machine.root / "etc/resolv.conf");
  DnsFile file(machine.host);
  ASSERT_TRUE(file.set(config));
  EXPECT_TRUE(file.holds());
  ASSERT_TRUE(clean_dns(machine.host));
  EXPECT_EQ(std::filesystem::read_symlink(machine.root / "etc/resolv.conf"),
            "/run/nothing/resolv.conf");
}

TEST_F(DnsFileTest, LeavesNothingWhereNothingWas) {
  std::filesystem::remove(machine.root / "etc/resolv.conf");
  DnsFile file(machine.host);
  ASSERT_TRUE(file.set(config));
  EXPECT_THAT(file.base().nameservers, ElementsAre(kLocalNameserver));
  ASSERT_TRUE(file.set({}));
  EXPECT_THAT(files("etc"), IsEmpty());
}

TEST_F(DnsFileTest, TakesWhatOthersWriteMeanwhileAsTheHosts) {
  DnsFile file(machine.host);
  ASSERT_TRUE(file.set(config));
  const std::string_view wifi = "nameserver 192.0.2.8\n";
  machine.write("etc/resolv.conf", wifi);
  EXPECT_FALSE(file.holds());
  EXPECT_THAT(file.base().nameservers, ElementsAre(IpAddress::v4({192, 0, 2, 8})));
  ASSERT_TRUE(file.set(config));
  EXPECT_TRUE(file.holds());
  EXPECT_THAT(file.base().nameservers, ElementsAre(IpAddress::v4({192, 0, 2, 8})));
  ASSERT_TRUE(file.set({}));
  EXPECT_EQ(machine.read("etc/resolv.conf"), wifi);
}

TEST_F(DnsFileTest, DoesNotPutOldThingsOverWhatOthersWrote) {
  DnsFile file(machine.host);
  ASSERT_TRUE(file.set(config));
  const std::string_view wifi = "nameserver 192.0.2.8\n";
  machine.write("etc/resolv.conf", wifi);
  ASSERT_TRUE(file.set({}));
  EXPECT_EQ(machine.read("etc/resolv.conf"), wifi);
  EXPECT_THAT(files("etc"), ElementsAre("resolv.conf"));
}

TEST_F(DnsFileTest, NeverTakesOurOwnAddressForTheHosts) {
  machine.write("etc/resolv.conf", "nameserver 100.100.100.100\nnameserver 192.0.2.1\n");
  DnsFile file(machine.host);
  EXPECT_THAT(file.base().nameservers, ElementsAre(IpAddress::v4({192, 0, 2, 1})));
}

TEST_F(DnsFileTest, LeavesAForeignMachineAlone) {
  ASSERT_TRUE(DnsFile(machine.host).set(config));
  machine.host.is_foreign = true;
  const auto cleaned = clean_dns(machine.host);
  ASSERT_TRUE(cleaned);
  EXPECT_FALSE(*cleaned);
  EXPECT_EQ(detect_dns_manager(machine.host), DnsManager::None);
  EXPECT_THAT(files("etc"), UnorderedElementsAre("resolv.conf", "resolv.before-warren.conf"));
}

}  // namespace
}  // namespace warren::node
