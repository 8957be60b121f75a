#include "control/core/dns_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/control/codec.h"
#include "proto/control/map.h"

namespace warren::control {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;

Resolver at(std::string address) {
  return {.addr = std::move(address), .bootstrap_resolution = {}, .use_with_exit_node = false};
}

TEST(DnsSettings, OfNobodyAreTheNetworksOwnNames) {
  const DnsConfig config = render_dns({}, "home.internal", {});
  DnsConfig expected;
  expected.proxied = true;
  expected.domains = {"home.internal"};
  EXPECT_EQ(config, expected);
}

TEST(DnsSettings, ResolversAreAFallbackUnlessTheyOverride) {
  DnsSettings settings;
  settings.resolvers = {"192.0.2.53", "2001:db8::53"};
  const auto both = ElementsAre(at("192.0.2.53"), at("2001:db8::53"));
  EXPECT_THAT(render_dns(settings, "home.internal", {}).fallback_resolvers, both);
  EXPECT_THAT(render_dns(settings, "home.internal", {}).resolvers, IsEmpty());
  settings.override_local = true;
  EXPECT_THAT(render_dns(settings, "home.internal", {}).resolvers, both);
  EXPECT_THAT(render_dns(settings, "home.internal", {}).fallback_resolvers, IsEmpty());
}

TEST(DnsSettings, SearchTheNetworksDomainFirstAndEachOnce) {
  DnsSettings settings;
  settings.search = {"Corp.Example.", "home.internal", "corp.example"};
  EXPECT_THAT(render_dns(settings, "home.internal", {}).domains,
              ElementsAre("home.internal", "corp.example"));
  settings.magic = false;
  EXPECT_THAT(render_dns(settings, "home.internal", {}).domains,
              ElementsAre("corp.example", "home.internal"));
}

TEST(DnsSettings, RoutesAreNeverNull) {
  DnsSettings settings;
  settings.split = {{"corp.example", {"192.0.2.53"}}, {"Empty.Example.", {}}};
  MapResponse message;
  message.dns_config = render_dns(settings, "home.internal", {});
  EXPECT_THAT(message.dns_config->routes,
              ElementsAre(Pair("corp.example", ElementsAre(at("192.0.2.53"))),
                          Pair("empty.example", IsEmpty())));
  const std::string text = encode(message);
  EXPECT_THAT(text, HasSubstr(R"("empty.example":[])"));
  EXPECT_THAT(text, Not(HasSubstr("null")));
}

TEST(DnsSettings, ARecordElsewhereGetsARouteSoThatItIsAsked) {
  DnsSettings settings;
  settings.split = {{"corp.example", {"192.0.2.53"}}};
  settings.records = {{.name = "Printer.home.internal.", .type = "A", .value = "192.0.2.1"},
                      {.name = "db.corp.example", .type = "", .value = "2001:db8::1"},
                      {.name = "wiki.example.org", .type = "", .value = "192.0.2.2"}};
  const DnsConfig config = render_dns(settings, "home.internal",
                                      {{.name = "phone.home.internal", .type = "A", .value = "a"}});
  const auto record = [](std::string name, std::string type, std::string value) {
    return DnsRecord{.name = std::move(name), .type = std::move(type), .value = std::move(value)};
  };
  EXPECT_THAT(config.extra_records, ElementsAre(record("printer.home.internal", "A", "192.0.2.1"),
                                                record("db.corp.example", "AAAA", "2001:db8::1"),
                                                record("wiki.example.org", "A", "192.0.2.2"),
                                                record("phone.home.internal", "A", "a")));
  EXPECT_THAT(config.routes,
              ElementsAre(Pair("corp.example", SizeIs(1)), Pair("wiki.example.org", IsEmpty())));
}

TEST(DnsSettings, WithoutMagicThereAreNoRecords) {
  DnsSettings settings;
  settings.magic = false;
  settings.records = {{.name = "wiki.example.org", .type = "A", .value = "192.0.2.2"}};
  EXPECT_EQ(render_dns(settings, "home.internal", settings.records), DnsConfig());
}

TEST(DnsSettings, KnowDomainsResolversAndRecords) {
  EXPECT_TRUE(is_domain("corp.example"));
  EXPECT_TRUE(is_domain("_tcp.corp.example."));
  EXPECT_FALSE(is_domain(""));
  EXPECT_FALSE(is_domain("."));
  EXPECT_FALSE(is_domain("corp..example"));
  EXPECT_FALSE(is_domain("corp example"));
  EXPECT_FALSE(is_domain(std::string(64, 'a')));
  EXPECT_TRUE(is_resolver("192.0.2.53"));
  EXPECT_TRUE(is_resolver("[2001:db8::53]:5353"));
  EXPECT_FALSE(is_resolver("192.0.2.53:0"));
  EXPECT_FALSE(is_resolver("dns.example"));
  EXPECT_TRUE(is_record({.name = "a.example", .type = "", .value = "192.0.2.1"}));
  EXPECT_TRUE(is_record({.name = "a.example", .type = "AAAA", .value = "2001:db8::1"}));
  EXPECT_FALSE(is_record({.name = "a.example", .type = "A", .value = "2001:db8::1"}));
  EXPECT_FALSE(is_record({.name = "a.example", .type = "CNAME", .value = "b.example"}));
}

}  // namespace
}  // namespace warren::control
