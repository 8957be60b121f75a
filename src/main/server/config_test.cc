#include "main/server/config.h"

#include <gtest/gtest.h>

namespace warren::server {
namespace {

TEST(ServerConfig, FillsInDefaults) {
  const auto config = parse_config("{}");
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_EQ(config->network.base_domain, "home.internal");
  EXPECT_EQ(config->relay.code, "home");
  EXPECT_EQ(config->listen.https, std::vector<std::string>{":443"});
  EXPECT_EQ(config->log.level, "info");
}

TEST(ServerConfig, ReadsCommentsAndTrailingCommas) {
  const auto config = parse_config(R"({
    "url": "https://warren.example.org",  // what machines are told
    "listen": {"http": [], "stun": 3479,},
    "network": {"name": "office", "base-domain": "office.example.org"},
    "log": {"level": "debug"},
  })");
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_TRUE(config->listen.http.empty());
  EXPECT_EQ(config->listen.stun, 3479);
  EXPECT_EQ(config->network.base_domain, "office.example.org");
  EXPECT_EQ(config->log.level, "debug");
}

TEST(ServerConfig, CanDoWithoutAHub) {
  const auto config = parse_config(R"({"roles": ["control", "relay"]})");
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_FALSE(config->has_role("hub"));
  EXPECT_TRUE(parse_config("{}")->has_role("hub"));
}

TEST(ServerConfig, SaysWhereItIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"listen": {"https": ["443"]}})", "listen.https"},
      {R"({"listen": {"stun": 70000}})", "listen.stun"},
      {R"({"tls": {"key": "/k.pem"}})", "tls.cert"},
      {R"({"tls": {"mode": "files"}})", "tls.cert"},
      {R"({"tls": {"mode": "letsencrypt"}})", "tls.mode"},
      {R"({"tls": {"cert": "/c.pem", "acme": {}}})", "tls.mode"},
      {R"({"tls": {"acme": {"directory": "http://ca.example"}}})", "tls.acme.directory"},
      {R"({"tls": {"acme": {"email": "a@b,c@d"}}})", "tls.acme.email"},
      {R"({"tls": {"acme": {"staging": true, "directory": "https://ca.example"}}})",
       "tls.acme.staging"},
      {R"({"relay": {"region": 1}})", "relay.region"},
      {R"({"lissen": {}})", "lissen"},
      {R"({"roles": ["control"]})", "roles"},
      {R"({"roles": ["control", "relay", "pub"]})", "roles"},
      {R"({"listen": {"wireguard": 0}})", "listen.wireguard"},
      {R"({"dns": {"resolvers": ["dns.example"]}})", "dns.resolvers"},
      {R"({"dns": {"split": {"": ["192.0.2.53"]}}})", "dns.split"},
      {R"({"dns": {"split": {"corp.example": ["x"]}}})", "dns.split"},
      {R"({"dns": {"search": ["a b"]}})", "dns.search"},
      {R"({"dns": {"records": [{"name": "a.example", "type": "A", "value": "::1"}]}})",
       "dns.records[0].value"},
      {R"({"log": {"level": "loud"}})", "log.level"},
  };
  for (const auto& [text, where] : cases) {
    const auto config = parse_config(text);
    ASSERT_FALSE(config) << text;
    EXPECT_NE(config.error().detail.find(where), std::string::npos) << config.error().detail;
  }
}

TEST(ServerConfig, ReadsWhatMachinesAreToldOfNames) {
  const auto config = parse_config(R"({"dns": {
    "magic": false, "resolvers": ["192.0.2.53"], "override": true,
    "split": {"corp.example": ["192.0.2.54:5353"]}, "search": ["corp.example"],
    "records": [{"name": "wiki.example", "value": "2001:db8::1"}]}})");
  ASSERT_TRUE(config) << config.error().detail;
  control::DnsSettings expected;
  expected.magic = false;
  expected.resolvers = {"192.0.2.53"};
  expected.override_local = true;
  expected.split = {{"corp.example", {"192.0.2.54:5353"}}};
  expected.search = {"corp.example"};
  expected.records = {{.name = "wiki.example", .type = "", .value = "2001:db8::1"}};
  EXPECT_EQ(dns_settings(config->dns), expected);
}

TEST(ServerConfig, APortAloneIsBothFamilies) {
  const auto both = parse_listen(":443");
  ASSERT_TRUE(both);
  ASSERT_EQ(both->size(), 2U);
  EXPECT_TRUE((*both)[0].address.is_v4());
  EXPECT_TRUE((*both)[1].address.is_v6());
  EXPECT_FALSE(parse_listen("443"));
  EXPECT_FALSE(parse_listen(":0x1"));
  EXPECT_FALSE(parse_listen(""));
}

TEST(ServerConfig, OfTheExampleFileIsTheDefaults) {
  const auto example = load_config(WARREN_SOURCE_DIR "/packaging/server.json");
  ASSERT_TRUE(example) << example.error().detail;
  EXPECT_TRUE(*example == *parse_config("{}"));
}

}  // namespace
}  // namespace warren::server
