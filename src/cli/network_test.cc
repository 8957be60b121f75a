#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/testing.h"

// status, ping, ip, whois, netcheck.
namespace warren::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kKey =
    "nodekey:1111111111111111111111111111111111111111111111111111111111111111";
constexpr const char* kOtherKey =
    "nodekey:2222222222222222222222222222222222222222222222222222222222222222";

std::string status_json(const std::string& state) {
  return R"({"Version":"0.1.0","BackendState":")" + state + R"(",
    "TailscaleIPs":["100.64.0.7","fd7a:115c:a1e0::7"],
    "Self":{"ID":"n7","HostName":"attic","DNSName":"attic.home.","OS":"linux","UserID":1,
            "TailscaleIPs":["100.64.0.7","fd7a:115c:a1e0::7"],"Online":true},
    "Peer":{")" +
         kKey + R"(":{"ID":"n8","HostName":"laptop","DNSName":"laptop.home.","OS":"linux",
      "UserID":1,"TailscaleIPs":["100.64.0.8"],"Online":true},")" +
         kOtherKey + R"(":{"ID":"n9","HostName":"laptop","DNSName":"cellar.home.","OS":"linux",
      "UserID":1,"TailscaleIPs":["100.64.0.9"],"Online":true}},
    "User":{"1":{"ID":1,"LoginName":"alice@example.org","DisplayName":"Alice"}}})";
}

class NetworkCommandTest : public CommandTest {
 protected:
  void have_state(const std::string& state) {
    program.answer("GET /localapi/v0/status", status_json(state));
    program.answer("GET /localapi/v0/status?peers=false", status_json(state));
  }
};

TEST_F(NetworkCommandTest, StatusShowsEveryMachine) {
  have_state("Running");
  EXPECT_EQ(run({"status"}), 0);
  EXPECT_THAT(out.str(), HasSubstr("100.64.0.7"));
  EXPECT_THAT(out.str(), HasSubstr("cellar"));
  EXPECT_EQ(run({"status", "--json"}), 0);
  EXPECT_THAT(out.str(), HasSubstr("{\n  \"Version\": \"0.1.0\",\n"));
  EXPECT_EQ(run({"status", "--peers=false"}), 0);
  EXPECT_THAT(program.calls, ElementsAre("GET /localapi/v0/status?peers=false"));
}

TEST_F(NetworkCommandTest, StatusFailsWhileStopped) {
  have_state("Stopped");
  EXPECT_EQ(run({"status"}), kFailed);
  EXPECT_THAT(out.str(), HasSubstr("stopped"));
  EXPECT_EQ(run({"ip"}), kFailed);
  EXPECT_THAT(err.str(), HasSubstr("stopped"));
}

TEST_F(NetworkCommandTest, IpPrintsAddresses) {
  have_state("Running");
  EXPECT_EQ(run({"ip"}), 0);
  EXPECT_EQ(out.str(), "100.64.0.7\nfd7a:115c:a1e0::7\n");
  EXPECT_EQ(run({"ip", "-6"}), 0);
  EXPECT_EQ(out.str(), "fd7a:115c:a1e0::7\n");
  EXPECT_EQ(run({"ip", "-1", "cellar"}), 0);
  EXPECT_EQ(out.str(), "100.64.0.9\n");
  EXPECT_EQ(run({"ip", "--json", "laptop.home"}), 0);
  EXPECT_EQ(out.str(), "[\n  \"100.64.0.8\"\n]\n");
  EXPECT_EQ(run({"ip", "--assert=100.64.0.7"}), 0);
  EXPECT_THAT(out.str(), IsEmpty());
  EXPECT_EQ(run({"ip", "--assert=100.64.0.8"}), kFailed);
  EXPECT_EQ(run({"ip", "-6", "cellar"}), kFailed);
  EXPECT_EQ(err.str(), "warren ip: there is no IPv6 address\n");
  EXPECT_EQ(run({"ip", "-4", "-6"}), kBadUsage);
  EXPECT_EQ(run({"ip", "mars"}), kFailed);
  EXPECT_EQ(err.str(), "warren ip: there is no machine mars: `warren status` shows them all\n");
}

// A short name wins over a host name; two machines with one host name can't be told apart by it.
TEST_F(NetworkCommandTest, NamesAreTriedInOrder) {
  program.answer("GET /localapi/v0/status", R"({"BackendState":"Running","Peer":{")" +
                                                std::string(kKey) +
                                                R"(":{"HostName":"twin","DNSName":"a.home.",
      "TailscaleIPs":["100.64.0.1"]},")" + kOtherKey +
                                                R"(":{"HostName":"twin","DNSName":"b.home.",
      "TailscaleIPs":["100.64.0.2"]}}})");
  EXPECT_EQ(run({"ip", "B"}), 0);
  EXPECT_EQ(out.str(), "100.64.0.2\n");
  EXPECT_EQ(run({"ip", "twin"}), kFailed);
  EXPECT_EQ(err.str(),
            "warren ip: a and b are both called twin: use an address, or the full name\n");
}

constexpr const char* kPing = "POST /localapi/v0/ping?ip=100.64.0.8&type=disco&timeout=5000ms";

TEST_F(NetworkCommandTest, PingGoesOnUntilItIsDirect) {
  have_state("Running");
  program.answer(kPing, R"({"IP":"100.64.0.8","Err":"timeout"})");
  program.answer(kPing, R"({"IP":"100.64.0.8","NodeIP":"100.64.0.8","NodeName":"laptop",
    "LatencySeconds":0.0312,"DERPRegionID":900,"DERPRegionCode":"one"})");
  program.answer(kPing, R"({"IP":"100.64.0.8","NodeIP":"100.64.0.8","NodeName":"laptop",
    "LatencySeconds":0.012,"Endpoint":"192.0.2.1:41641"})");
  EXPECT_EQ(run({"ping", "laptop"}), 0) << err.str();
  EXPECT_EQ(out.str(),
            "ping \"100.64.0.8\" timed out\n"
            "pong from laptop (100.64.0.8) via DERP(one) in 31ms\n"
            "pong from laptop (100.64.0.8) via 192.0.2.1:41641 in 12ms\n");
  EXPECT_THAT(program.naps, ElementsAre(1s, 1s));
}

TEST_F(NetworkCommandTest, PingFailsWhenNothingComesDirectly) {
  have_state("Running");
  program.answer(kPing, R"({"NodeIP":"100.64.0.8","NodeName":"laptop","LatencySeconds":0.03,
    "DERPRegionID":900,"DERPRegionCode":"one"})");
  EXPECT_EQ(run({"ping", "-c", "2", "100.64.0.8"}), kFailed);
  EXPECT_EQ(err.str(), "warren ping: direct connection not established\n");
  EXPECT_EQ(run({"ping", "-c", "2", "--until-direct=false", "100.64.0.8"}), 0);
  program.answer("POST /localapi/v0/ping?ip=100.64.0.9&type=ICMP&timeout=2000ms",
                 R"({"Err":"timeout"})");
  EXPECT_EQ(run({"ping", "-c", "1", "--icmp", "--timeout=2s", "cellar"}), kFailed);
  EXPECT_EQ(err.str(), "warren ping: no reply\n");
}

TEST_F(NetworkCommandTest, WhoisSaysWhoseItIs) {
  program.answer("GET /localapi/v0/whois?addr=100.64.0.8:22",
                 R"({"Node":{"ID":8,"StableID":"n8","Name":"laptop.home.","User":1,"Key":")" +
                     std::string(kKey) + R"(","Addresses":["100.64.0.8/32"],
      "AllowedIPs":["100.64.0.8/32","10.9.0.0/24"]},
      "UserProfile":{"ID":1,"LoginName":"alice@example.org"},"CapMap":{"x/y":[{"a":1}]}})");
  EXPECT_EQ(run({"whois", "100.64.0.8:22"}), 0) << err.str();
  EXPECT_EQ(out.str(),
            "Machine:\n"
            "  Name:        laptop.home\n"
            "  ID:          n8\n"
            "  Addresses:   100.64.0.8/32\n"
            "  AllowedIPs:  10.9.0.0/24\n"
            "User:\n"
            "  Name:        alice@example.org\n"
            "  ID:          1\n"
            "Capabilities:\n"
            "  - x/y\n"
            "      {\"a\":1}\n");
  program.answer("GET /localapi/v0/whois?addr=192.0.2.1", "not found", 404);
  EXPECT_EQ(run({"whois", "192.0.2.1"}), kFailed);
  EXPECT_EQ(err.str(), "warren whois: 192.0.2.1 belongs to no machine of the network\n");
}

TEST_F(NetworkCommandTest, NetcheckReports) {
  program.answer("POST /localapi/v0/warren/netcheck",
                 R"({"UDP":true,"IPv4":true,"IPv6":false,"OSHasIPv6":true,
    "MappingVariesByDestIP":false,"PMP":true,"PCP":null,"PreferredDERP":900,
    "RegionLatency":{"900":12300000},"GlobalV4":"198.51.100.7:41641"})");
  program.answer("GET /localapi/v0/derpmap",
                 R"({"Regions":{"900":{"RegionID":900,"RegionCode":"one","RegionName":"Home"},
    "901":{"RegionID":901,"RegionCode":"two","RegionName":"Office"}}})");
  EXPECT_EQ(run({"netcheck", "--verbose"}), 0) << err.str();
  EXPECT_EQ(out.str(),
            "\nReport:\n"
            "\t* UDP: true\n"
            "\t* IPv4: yes, 198.51.100.7:41641\n"
            "\t* IPv6: no, but OS has support\n"
            "\t* MappingVariesByDestIP: false\n"
            "\t* PortMapping: NAT-PMP\n"
            "\t* Nearest DERP: Home\n"
            "\t* DERP latency:\n"
            "\t\t- one: 12.3ms  (derp900, Home)\n"
            "\t\t- two:         (derp901, Office)\n");
  EXPECT_EQ(run({"netcheck", "--format=json"}), 0);
  EXPECT_THAT(out.str(), HasSubstr("{\n\t\"UDP\": true,\n"));
  EXPECT_EQ(run({"netcheck", "--format=xml"}), kBadUsage);
}

TEST_F(NetworkCommandTest, OthersPrintWhatTheNodeSays) {
  program.answer("POST /localapi/v0/bugreport?note=no%20answer", "BUG-1\n");
  EXPECT_EQ(run({"bugreport", "no answer"}), 0);
  EXPECT_EQ(out.str(), "BUG-1\n");
  program.answer("GET /localapi/v0/metrics", "warren_x_total 1\n");
  EXPECT_EQ(run({"debug", "metrics"}), 0);
  EXPECT_EQ(out.str(), "warren_x_total 1\n");
  have_state("Running");
  EXPECT_EQ(run({"version", "--daemon"}), 0);
  EXPECT_THAT(out.str(), HasSubstr("\nwarrend 0.1.0\n"));
}

}  // namespace
}  // namespace warren::cli
