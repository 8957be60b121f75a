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
      {R"({"log": {"level": "loud"}})", "log.level"},
  };
  for (const auto& [text, where] : cases) {
    const auto config = parse_config(text);
    ASSERT_FALSE(config) << text;
    EXPECT_NE(config.error().detail.find(where), std::string::npos) << config.error().detail;
  }
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
