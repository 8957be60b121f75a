#include "cli/testing.h"

namespace warren::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class DnsTest : public CommandTest {
 protected:
  DnsTest() {
    program.answer("GET /localapi/v0/status?peers=false",
                   R"({"BackendState":"Running","MagicDNSSuffix":"home.internal",
                       "Self":{"DNSName":"me.home.internal."}})");
    program.answer("GET /localapi/v0/dns-config",
                   R"({"Proxied":true,"Domains":["home.internal"],
                       "Resolvers":[{"Addr":"192.0.2.53"}],
                       "Routes":{"corp.example":[{"Addr":"192.0.2.54"}],"home.internal":[]}})");
    program.answer("GET /localapi/v0/warren/dns",
                   R"({"AcceptDNS":true,"Served":true,"Manager":"file",
                       "Told":{"Nameservers":["100.100.100.100"],"SearchDomains":["home.internal"]},
                       "Queries":7,"Forwarded":3,"Failed":1,"Problems":["Something is wrong"]})");
  }

  void manage_host() {
    program.answer("GET /localapi/v0/dns-osconfig",
                   R"({"Nameservers":["192.0.2.1"],"SearchDomains":["lan"],"MatchDomains":[]})");
  }
};

TEST_F(DnsTest, StatusSaysWhatHolds) {
  manage_host();
  EXPECT_EQ(run({"dns", "status"}), 0) << err.str();
  EXPECT_EQ(out.str(),
            "Used by this machine  yes\n"
            "Names of the network  on (home.internal)\n"
            "Resolvers             192.0.2.53\n"
            "Split DNS             corp.example: 192.0.2.54\n"
            "Search domains        home.internal\n"
            "This machine's names  managed by file\n"
            "  it was told         ask 100.100.100.100, search home.internal\n"
            "  without Warren      ask 192.0.2.1, search lan\n"
            "Queries               7, 3 of them forwarded, 1 failed\n"
            "Problem: Something is wrong\n");
}

TEST_F(DnsTest, StatusHasTheNamesOfStockClientsInJson) {
  manage_host();
  EXPECT_EQ(run({"dns", "status", "--json"}), 0) << err.str();
  for (const char* const part : {R"("TailscaleDNS": true)", R"("MagicDNSSuffix": "home.internal")",
                                 R"("SelfDNSName": "me.home.internal.")", R"("corp.example")",
                                 R"("SystemDNS": {)", R"("Manager": "file")"}) {
    EXPECT_THAT(out.str(), HasSubstr(part));
  }
}

TEST_F(DnsTest, StatusWorksWhereNoHostIsManaged) {
  program.answer("GET /localapi/v0/dns-osconfig", "this node leaves the host's names alone", 503);
  EXPECT_EQ(run({"dns", "status"}), 0) << err.str();
  EXPECT_THAT(out.str(), HasSubstr("without Warren      ask none, search none\n"));
}

TEST_F(DnsTest, QueryShowsTheAnswer) {
  // a.b. A, answered with 100.64.0.1 and a time to live of 5 s.
  program.answer("GET /localapi/v0/dns-query?name=a.b&type=A",
                 R"({"Bytes":"AAGBgAABAAEAAAAAAWEBYgAAAQABwAwAAQABAAAABQAEZEAAAQ==",
                     "Resolvers":[]})");
  EXPECT_EQ(run({"dns", "query", "a.b"}), 0) << err.str();
  EXPECT_EQ(out.str(),
            "Asked of: nobody, it is known here\n"
            "Response: NOERROR\n"
            "\n"
            "NAME  TTL  TYPE  DATA\n"
            "a.b   5    A     100.64.0.1\n");
  EXPECT_EQ(run({"dns", "query", "a.b", "--json"}), 0) << err.str();
  EXPECT_THAT(out.str(), HasSubstr(R"("Body": "100.64.0.1")"));
}

TEST_F(DnsTest, QueryRefusesWhatIsNoType) {
  EXPECT_EQ(run({"dns", "query", "a.b", "B"}), kBadUsage);
  EXPECT_THAT(err.str(), HasSubstr("B is no type of records"));
}

TEST_F(DnsTest, QuerySaysWhyThereIsNoAnswer) {
  program.answer("GET /localapi/v0/dns-query?name=a.b&type=AAAA", "nobody answers", 503);
  EXPECT_EQ(run({"dns", "query", "a.b", "AAAA"}), kFailed);
  EXPECT_THAT(err.str(), HasSubstr("nobody answers"));
}

}  // namespace
}  // namespace warren::cli
