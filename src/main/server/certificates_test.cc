#include "main/server/certificates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "main/server/public_address.h"

namespace warren::server {
namespace {

using testing::HasSubstr;

Result<CertificateSource> source_of(const std::string& text) {
  const auto config = parse_config(text);
  EXPECT_TRUE(config) << config.error().detail;
  return certificate_source(*config, public_address(*config).value());
}

TEST(ServerCertificates, AreThoseThatTheConfigurationSays) {
  const std::pair<const char*, CertificateSource> cases[] = {
      {R"({"url": "https://w.example.org"})", CertificateSource::Own},
      {R"({"url": "https://w.example.org", "tls": {"cert": "/c"}})", CertificateSource::Files},
      {R"({"url": "https://w.example.org", "tls": {"acme": {}}})", CertificateSource::Acme},
      {R"({"url": "https://w.example.org", "tls": {"mode": "acme"}})", CertificateSource::Acme},
      {R"({"url": "https://w.example.org", "tls": {"mode": "own", "acme": {}}})",
       CertificateSource::Own},
      {R"({"url": "https://192.0.2.1", "tls": {"acme": {}}})", CertificateSource::Own},
      {R"({"url": "https://w.home.internal", "tls": {"acme": {}}})", CertificateSource::Own},
  };
  for (const auto& [text, expected] : cases) {
    const auto source = source_of(text);
    ASSERT_TRUE(source) << text << ": " << source.error().detail;
    EXPECT_EQ(*source, expected) << text;
  }
}

TEST(ServerCertificates, SayWhatAnAuthorityNeeds) {
  const auto address = source_of(R"({"url": "https://192.0.2.1", "tls": {"mode": "acme"}})");
  ASSERT_FALSE(address);
  EXPECT_THAT(address.error().detail, HasSubstr("give this server a name"));
  const auto ports = source_of(
      R"({"url": "https://w.example.org:8443", "listen": {"http": []}, "tls": {"acme": {}}})");
  ASSERT_FALSE(ports);
  EXPECT_THAT(ports.error().detail, HasSubstr("port 443 or 80"));
}

TEST(ServerCertificates, KnowNamesThatNobodyOutsideKnows) {
  EXPECT_TRUE(is_public_name("warren.example.org"));
  for (const char* const name : {"warren", "warren.local", "a.b.lan", "warren.test", "192.0.2.1",
                                 "2001:db8::1", "under_score.example.org", "x.example.org.", ""}) {
    EXPECT_FALSE(is_public_name(name)) << name;
  }
}

}  // namespace
}  // namespace warren::server
