#include "node/core/dns_plan.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dns/core/testing.h"
#include "node/core/plan.h"
#include "node/core/testing.h"

namespace warren::node {

namespace {

using dns::testing::name;
using dns::testing::query;
using dns::testing::text_of;
using ::testing::ElementsAre;
using testing::first_message;
using ::testing::IsEmpty;
using testing::kNow;
using testing::message;
using testing::network;
using testing::node;
using testing::prefix;
using ::testing::SizeIs;

const IpAddress kBase = IpAddress::v4({192, 0, 2, 1});

Prefs running() {
  Prefs out;
  out.want_running = true;
  return out;
}

NetworkMap with_dns(std::string_view config) {
  NetworkMap map = network();
  map.apply(message(R"({"DNSConfig":)" + std::string(config) + "}", false), kNow);
  return map;
}

DnsPlan plan_of(const NetworkMap& map, const OsDnsBase& base, const Prefs& prefs = running()) {
  return plan_dns(map, prefs, plan_device(map, prefs), base);
}

OsDnsBase splitting() {
  return {.can_split = true, .nameservers = {kBase}, .search = {"lan"}};
}

OsDnsBase plain_file() {
  return {.can_split = false, .nameservers = {kBase}, .search = {"lan"}};
}

std::vector<dns::Upstream> upstreams_of(const DnsPlan& plan, std::string_view suffix) {
  for (const dns::Route& route : plan.resolver.routes) {
    if (route.suffix == name(suffix)) return route.upstreams;
  }
  return {};
}

std::vector<std::string> text(const std::vector<dns::Upstream>& upstreams) {
  std::vector<std::string> out;
  out.reserve(upstreams.size());
  for (const dns::Upstream& upstream : upstreams) {
    out.push_back(upstream.endpoint.to_string() + (upstream.is_in_overlay ? " inside" : ""));
  }
  return out;
}

// The OS part of the table, in the order of the specification.

TEST(DnsPlan, GivesSearchDomainsOnlyWhenThereIsNothingToResolve) {
  const auto map = with_dns(R"({"Domains":["net.example","Corp.Example.","corp.example"]})");
  for (const auto& base : {splitting(), plain_file()}) {
    const DnsPlan plan = plan_of(map, base);
    EXPECT_EQ(plan.os, (OsDnsConfig{.search = {"net.example", "corp.example"}}));
    EXPECT_FALSE(plan.is_served);
  }
}

TEST(DnsPlan, GivesPlainResolversToTheHostWhenNothingElseIsWanted) {
  const auto map = with_dns(R"({"Resolvers":[{"Addr":"192.0.2.53"},{"Addr":"2001:db8::53"}]})");
  const DnsPlan plan = plan_of(map, plain_file());
  EXPECT_EQ(plan.os.nameservers,
            (std::vector{*IpAddress::parse("192.0.2.53"), *IpAddress::parse("2001:db8::53")}));
  EXPECT_THAT(plan.os.match_domains, IsEmpty());
  EXPECT_FALSE(plan.is_served);
  const auto odd_port = with_dns(R"({"Resolvers":[{"Addr":"192.0.2.53:5353"}]})");
  EXPECT_EQ(plan_of(odd_port, plain_file()).os.nameservers.front(), kDnsAddressV4);
  EXPECT_TRUE(plan_of(odd_port, plain_file()).is_served);
}

TEST(DnsPlan, TakesAllQuestionsWithDefaultResolversAndNamesOfItsOwn) {
  const auto map = with_dns(R"({"Resolvers":[{"Addr":"192.0.2.53"}],"Proxied":true})");
  for (const auto& base : {splitting(), plain_file()}) {
    const DnsPlan plan = plan_of(map, base);
    EXPECT_THAT(plan.os.nameservers, ElementsAre(kDnsAddressV4, kDnsAddressV6));
    EXPECT_THAT(plan.os.match_domains, IsEmpty());
    EXPECT_THAT(text(upstreams_of(plan, ".")), ElementsAre("192.0.2.53:53"));
    EXPECT_TRUE(plan.is_served);
  }
}

TEST(DnsPlan, LetsTheHostSplitWhenOneSetOfResolversHasAllRoutes) {
  const auto map = with_dns(
      R"({"Routes":{"corp.example":[{"Addr":"192.0.2.53"}],"lab.example":[{"Addr":"192.0.2.53"}]}})");
  const DnsPlan plan = plan_of(map, splitting());
  EXPECT_THAT(plan.os.nameservers, ElementsAre(*IpAddress::parse("192.0.2.53")));
  EXPECT_THAT(plan.os.match_domains,
              ::testing::UnorderedElementsAre("corp.example", "lab.example"));
  EXPECT_FALSE(plan.is_served);
}

TEST(DnsPlan, TakesTheQuestionsOfItsRoutesWhenTheHostCanSplit) {
  const auto several = with_dns(
      R"({"Routes":{"corp.example":[{"Addr":"192.0.2.53"}],"lab.example":[{"Addr":"192.0.2.54"}]}})");
  DnsPlan plan = plan_of(several, splitting());
  EXPECT_EQ(plan.os.nameservers.front(), kDnsAddressV4);
  EXPECT_THAT(plan.os.match_domains, SizeIs(2));
  EXPECT_TRUE(plan.is_served);

  const auto magic = with_dns(R"({"Proxied":true,"Domains":["net.example"]})");
  plan = plan_of(magic, splitting());
  EXPECT_EQ(plan.os.nameservers.front(), kDnsAddressV4);
  EXPECT_THAT(plan.os.match_domains, SizeIs(1 + 64 + 1)) << "the suffix and the reverse zones";
  EXPECT_THAT(plan.os.match_domains, ::testing::Contains("net.example"));
  EXPECT_THAT(plan.os.match_domains, ::testing::Contains("127.100.in-addr.arpa"));
  EXPECT_THAT(plan.os.match_domains, ::testing::Contains("0.e.1.a.c.5.1.1.a.7.d.f.ip6.arpa"));
  EXPECT_THAT(text(upstreams_of(plan, ".")), ElementsAre("192.0.2.1:53"));
}

TEST(DnsPlan, AsksTheHostsOwnNameserversWhenTheHostCannotSplit) {
  const auto map = with_dns(R"({"Proxied":true,"Domains":["net.example"]})");
  const DnsPlan plan = plan_of(map, plain_file());
  EXPECT_EQ(plan.os, (OsDnsConfig{.nameservers = {kDnsAddressV4, kDnsAddressV6},
                                  .search = {"net.example", "lan"}}));
  EXPECT_THAT(text(upstreams_of(plan, ".")), ElementsAre("192.0.2.1:53"));
}

TEST(DnsPlan, LeavesTheHostAloneWhenNobodyWouldAnswerTheRest) {
  const OsDnsBase nothing;
  auto map = with_dns(R"({"Proxied":true,"Domains":["net.example"]})");
  DnsPlan plan = plan_of(map, nothing);
  EXPECT_TRUE(plan.os.is_hands_off());
  EXPECT_TRUE(plan.is_served);
  EXPECT_THAT(plan.problems, ElementsAre(::testing::HasSubstr("no nameserver of its own")));
  // A base that is ourselves is none.
  EXPECT_TRUE(plan_of(map, {.nameservers = {kDnsAddressV4}}).os.is_hands_off());

  map = with_dns(R"({"Proxied":true,"FallbackResolvers":[{"Addr":"192.0.2.9"}]})");
  plan = plan_of(map, nothing);
  EXPECT_EQ(plan.os.nameservers.front(), kDnsAddressV4);
  EXPECT_THAT(text(upstreams_of(plan, ".")), ElementsAre("192.0.2.9:53"));
  EXPECT_THAT(text(upstreams_of(plan_of(map, plain_file()), ".")), ElementsAre("192.0.2.1:53"));
}

TEST(DnsPlan, DoesNotTouchAHostThatDoesNotWantIt) {
  Prefs prefs = running();
  prefs.corp_dns = false;
  const auto map = with_dns(R"({"Resolvers":[{"Addr":"192.0.2.53"}],"Proxied":true})");
  const DnsPlan plan = plan_of(map, plain_file(), prefs);
  EXPECT_TRUE(plan.os.is_hands_off());
  EXPECT_TRUE(plan.is_served) << "for those who ask";
  EXPECT_THAT(text(upstreams_of(plan, ".")), ElementsAre("192.0.2.53:53"));
}

TEST(DnsPlan, IsEmptyWithoutATunnel) {
  const auto map = with_dns(R"({"Resolvers":[{"Addr":"192.0.2.53"}],"Proxied":true})");
  EXPECT_EQ(plan_of(map, plain_file(), Prefs{}), DnsPlan{});
  NetworkMap expired = map;
  control::MapResponse news;
  news.node = node(1);
  news.node->expired = true;
  expired.apply({.map = news, .is_first = false}, kNow);
  EXPECT_EQ(plan_of(expired, plain_file()), DnsPlan{});
}

TEST(DnsPlan, RegistersOneAddressWhereTheServerSaysSo) {
  NetworkMap map = with_dns(R"({"Proxied":true})");
  control::MapResponse news;
  news.node = node(1);
  news.node->cap_map["force-register-magicdns-ipv4-only"];
  news.node->cap_map["magicdns-aaaa"];
  map.apply({.map = news, .is_first = false}, kNow);
  const DnsPlan plan = plan_of(map, plain_file());
  EXPECT_THAT(plan.os.nameservers, ElementsAre(kDnsAddressV4));
  EXPECT_TRUE(plan.resolver.zone.gives_aaaa);
  EXPECT_FALSE(plan.resolver.zone.has_ipv6_only);
}

TEST(DnsPlan, KnowsWhichResolversAreInTheOverlay) {
  const auto map = with_dns(
      R"({"Routes":{"corp.example":[{"Addr":"100.64.0.2"},{"Addr":"192.0.2.7:5353"},
          {"Addr":"[2001:db8::7]:53"},{"Addr":"fd7a:115c:a1e0::3"}]}})");
  EXPECT_THAT(text(upstreams_of(plan_of(map, splitting()), "corp.example")),
              ElementsAre("100.64.0.2:53 inside", "192.0.2.7:5353", "[2001:db8::7]:53",
                          "[fd7a:115c:a1e0::3]:53 inside"));
}

TEST(DnsPlan, SaysWhatItCannotUse) {
  const auto map = with_dns(
      R"({"Resolvers":[{"Addr":"https://dns.example.org/dns-query"},{"Addr":"100.100.100.100"}],
          "Routes":{"doh.example":[{"Addr":"tls://192.0.2.1"}],"a..b":[]},"Domains":["x..y"],
          "ExtraRecords":[{"Name":"a.net.example","Value":"no address"},
                          {"Name":"a.net.example","Type":"TXT","Value":"text"},
                          {"Name":"a.net.example","Type":"A","Value":"fd7a:115c:a1e0::9"}]})");
  const DnsPlan plan = plan_of(map, splitting());
  EXPECT_THAT(plan.problems, SizeIs(7));
  EXPECT_THAT(plan.resolver.zone.records, IsEmpty());
  ASSERT_THAT(plan.resolver.routes, SizeIs(2)) << "SERVFAIL, and the host's own";
  EXPECT_THAT(plan.resolver.routes[0].upstreams, IsEmpty());
}

TEST(DnsPlan, MakesRecordsOutsideAllZonesTheirOwnZone) {
  const auto map = with_dns(
      R"({"Proxied":true,"Routes":{"corp.example":[{"Addr":"192.0.2.53"}]},
          "ExtraRecords":[{"Name":"db.net.example","Value":"100.64.0.2"},
                          {"Name":"x.corp.example","Type":"A","Value":"192.0.2.8"},
                          {"Name":"alone.example","Type":"AAAA","Value":"2001:db8::8"}]})");
  const auto zone = plan_of(map, splitting()).resolver.zone;
  EXPECT_THAT(zone.records, SizeIs(3));
  EXPECT_THAT(zone.suffixes, ElementsAre(name("net.example")));
  EXPECT_THAT(zone.authoritative, ::testing::Contains(name("alone.example")));
  EXPECT_THAT(zone.authoritative, SizeIs(1 + 65 + 1));
}

TEST(DnsHosts, FollowTheMapByItsChanges) {
  NetworkMap map;
  dns::HostTable hosts;
  update_hosts(map, map.apply(first_message(), kNow), running(), hosts);
  EXPECT_EQ(hosts.size(), 3U);
  EXPECT_EQ(hosts.find({1})->name, name("n1.net.example")) << "ourselves";
  EXPECT_THAT(hosts.find({2})->addresses,
              ElementsAre(*IpAddress::parse("100.64.0.2"), *IpAddress::parse("fd7a:115c:a1e0::2")));

  control::MapResponse news;
  news.peers_changed = {node(2)};
  news.peers_changed[0].name = "renamed.net.example.";
  news.peers_removed = {{3}};
  update_hosts(map, map.apply({.map = news, .is_first = false}, kNow), running(), hosts);
  EXPECT_EQ(hosts.size(), 2U);
  EXPECT_EQ(hosts.find({2})->name, name("renamed.net.example"));

  replace_hosts(map, Prefs{}, hosts);
  EXPECT_EQ(hosts.size(), 0U) << "not wanted";
  replace_hosts(map, running(), hosts);
  EXPECT_EQ(hosts.size(), 2U);
}

TEST(DnsHosts, HaveTheAddressesThatAreTheirs) {
  NetworkMap map = network();
  control::MapResponse news;
  news.peers_changed = {node(2), node(3)};
  // A hub's: its own, then those of its devices. And one that another node has.
  news.peers_changed[0].addresses.push_back(prefix("100.64.0.77/32"));
  news.peers_changed[0].addresses.push_back(prefix("fd7a:115c:a1e0::77/128"));
  news.peers_changed[1].addresses = {prefix("100.64.0.2/32"), prefix("fd7a:115c:a1e0::3/128")};
  map.apply({.map = news, .is_first = false}, kNow);
  dns::HostTable hosts;
  replace_hosts(map, running(), hosts);
  EXPECT_THAT(hosts.find({2})->addresses, SizeIs(2));
  EXPECT_THAT(hosts.find({3})->addresses, ElementsAre(*IpAddress::parse("fd7a:115c:a1e0::3")));
}

// What headscale says, answered by the resolver.
TEST(DnsPlan, AnswersTheNamesOfARecordedNetwork) {
  std::ifstream file(WARREN_SOURCE_DIR "/src/node/core/testdata/recorded_dns.txt");
  std::string line;
  do {
    ASSERT_TRUE(std::getline(file, line));
  } while (line.starts_with('#'));
  NetworkMap map;
  dns::Resolver resolver({});
  update_hosts(map, map.apply(message(line, true), kNow), running(), resolver.hosts());
  Prefs prefs = running();
  prefs.route_all = true;
  const DnsPlan plan = plan_of(map, plain_file(), prefs);
  EXPECT_THAT(plan.problems, IsEmpty());
  EXPECT_EQ(plan.os, (OsDnsConfig{.nameservers = {kDnsAddressV4, kDnsAddressV6},
                                  .search = {"net.example", "corp.example"}}));
  EXPECT_THAT(text(upstreams_of(plan, ".")),
              ElementsAre("198.51.100.53:53", "[2001:db8:51::53]:53"));
  EXPECT_THAT(text(upstreams_of(plan, "corp.example")), ElementsAre("10.55.0.53:53 inside"));
  EXPECT_THAT(text(upstreams_of(plan, "lab.example")),
              ElementsAre("10.55.0.53:53 inside", "10.55.0.54:53 inside"));
  EXPECT_THAT(plan.resolver.zone.authoritative, SizeIs(66));

  resolver.set_config(plan.resolver);
  const auto ask = [&](std::string_view what, dns::RecordType type) {
    dns::Actions actions;
    resolver.on_query({}, query(what, type), TimePoint(), actions);
    if (actions.empty()) return std::string("nothing");
    const auto* const reply = std::get_if<dns::Reply>(&actions[0]);
    return reply == nullptr ? std::string("asked") : text_of(reply->message);
  };
  EXPECT_EQ(ask("alpha.net.example", dns::RecordType::A), "100.64.0.1");
  EXPECT_EQ(ask("alpha.net.example", dns::RecordType::Aaaa), "fd7a:115c:a1e0::1") << "capability";
  EXPECT_EQ(ask("b", dns::RecordType::A), "100.64.0.2");
  EXPECT_EQ(ask("web.net.example", dns::RecordType::A), "100.64.0.2") << "a record";
  EXPECT_EQ(ask("v6.net.example", dns::RecordType::Aaaa), "fd7a:115c:a1e0::2");
  EXPECT_EQ(ask("1.0.64.100.in-addr.arpa", dns::RecordType::Ptr), "alpha.net.example");
  EXPECT_EQ(ask("nobody.net.example", dns::RecordType::A), "NXDOMAIN");
  EXPECT_EQ(ask("wiki.corp.example", dns::RecordType::A), "asked");
  EXPECT_EQ(ask("www.example.org", dns::RecordType::A), "asked");
}

}  // namespace

}  // namespace warren::node
