#include "acme/core/url.h"

#include <gtest/gtest.h>

namespace warren::acme {
namespace {

TEST(AcmeUrl, HasHostPortAndTarget) {
  EXPECT_EQ(parse_url("https://CA.example/dir?x=1"),
            (Url{.host = "ca.example", .port = 443, .target = "/dir?x=1"}));
  EXPECT_EQ(parse_url("https://ca.example"), (Url{.host = "ca.example"}));
  EXPECT_EQ(parse_url("https://[2001:db8::1]:14000/dir"),
            (Url{.host = "2001:db8::1", .port = 14000, .target = "/dir"}));
  EXPECT_EQ(parse_url("https://ca.example?x"), (Url{.host = "ca.example", .target = "/?x"}));
}

TEST(AcmeUrl, RefusesWhatDoesNotBelongIntoARequest) {
  for (const char* const text :
       {"http://ca.example/", "https://", "https:///x", "https://a b/", "https://a/\r\nX: y",
        "https://user@ca.example/", "https://ca.example:0/", "https://ca.example:65536/",
        "https://ca.example:/", "https://ca.example/#x", "https://[::1", "https://[1.2.3.4]/",
        "https://[::1]x/", "ca.example", ""}) {
    EXPECT_FALSE(parse_url(text)) << text;
  }
  EXPECT_FALSE(parse_url("https://ca.example/" + std::string(kMaxUrl, 'x')));
}

TEST(AcmeUrl, AnotherPortIsAnotherOrigin) {
  const auto one = parse_url("https://ca.example/a");
  EXPECT_TRUE(one->has_same_origin(*parse_url("https://ca.example:443/b")));
  EXPECT_FALSE(one->has_same_origin(*parse_url("https://ca.example:444/a")));
  EXPECT_FALSE(one->has_same_origin(*parse_url("https://ca.example.org/a")));
}

}  // namespace
}  // namespace warren::acme
