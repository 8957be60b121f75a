#include "acme/core/messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "acme/core/ledger.h"
#include "acme/core/problems.h"
#include "base/time_text.h"

namespace warren::acme {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(AcmeMessages, ReadADirectory) {
  const auto directory = decode_directory(R"({
    "newNonce": "https://ca.example/n", "newAccount": "https://ca.example/a",
    "newOrder": "https://ca.example/o", "revokeCert": "https://ca.example/r", "x7": "random",
    "meta": {"termsOfService": "t", "profiles": {"classic": "c", "tlsserver": "t"}}})");
  ASSERT_TRUE(directory) << directory.error().detail;
  EXPECT_EQ(directory->new_order, "https://ca.example/o");
  EXPECT_EQ(directory->renewal_info, "");
  EXPECT_EQ(directory->profiles, (std::vector<std::string>{"classic", "tlsserver"}));
  EXPECT_FALSE(decode_directory(R"({"newNonce": "https://ca.example/n"})"));
  EXPECT_FALSE(decode_directory(R"({"newNonce": "n", "newAccount": "https://ca.example/a",
                                    "newOrder": "https://ca.example/o"})"));
}

TEST(AcmeMessages, KeepOnlyChallengesThatWeCanAnswer) {
  const auto found = decode_authorization(R"({"status": "pending",
    "identifier": {"type": "dns", "value": "a.example"}, "challenges": [
      {"type": "dns-01", "url": "u", "token": "t", "status": "pending"},
      {"type": "http-01", "url": "u", "token": "../etc", "status": "pending"},
      {"type": "http-01", "url": "u", "token": "good_-1", "status": "pending"},
      {"type": "tls-alpn-01", "url": "u", "token": "two", "status": "invalid",
       "error": {"type": "urn:ietf:params:acme:error:dns", "detail": "no\nname"}}]})");
  ASSERT_TRUE(found) << found.error().detail;
  ASSERT_EQ(found->challenges.size(), 2U);
  EXPECT_EQ(found->challenges[0].token, "good_-1");
  EXPECT_EQ(found->challenges[1].error, (Problem{.type = "dns", .detail = "no?name"}));
}

TEST(AcmeMessages, AreBounded) {
  EXPECT_FALSE(decode_order(std::string(kMaxMessage + 1, ' ') + "{}"));
  std::string many = R"({"status":"pending","finalize":"f","authorizations":["a")";
  for (int i = 0; i < 100; ++i) many += R"(,"a")";
  EXPECT_FALSE(decode_order(many + "]}"));
  EXPECT_FALSE(decode_order(std::string(100, '[')));
  EXPECT_EQ(decode_problem("<html>"), Problem{});
  EXPECT_EQ(decode_problem(R"({"detail":")" + std::string(5000, 'x') + R"("})").detail.size(),
            300U);
}

TEST(AcmeMessages, RefuseWhatIsNotComplete) {
  for (const char* const text :
       {"", "null", "[]", "{}", R"({"status":"odd","finalize":"f","authorizations":["a"]})",
        R"({"status":"valid","finalize":"f","authorizations":["a"]})",
        R"({"status":"ready","finalize":"f","authorizations":[]})"}) {
    EXPECT_FALSE(decode_order(text)) << text;
  }
  EXPECT_FALSE(decode_authorization(
      R"({"status":"pending","identifier":{"type":"ip","value":"192.0.2.1"}})"));
  EXPECT_FALSE(decode_renewal_info(R"({"suggestedWindow":
    {"start":"2026-01-02T00:00:00Z","end":"2026-01-01T00:00:00Z"}})"));
}

TEST(AcmeRetryAfter, IsSecondsOrADate) {
  const WallTime now = *parse_rfc3339("1994-11-06T08:49:07Z");
  EXPECT_EQ(parse_retry_after("120", now), 120s);
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now), 30s);
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:00 GMT", now), 0s);
  for (const char* const text :
       {"", "soon", "-", "12 ", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:4x:37 GMT"}) {
    EXPECT_FALSE(parse_retry_after(text, now)) << text;
  }
  EXPECT_EQ(parse_retry_after("-5", now), 0s);
  EXPECT_LE(*parse_retry_after("9223372036854775807", now), 24h * 366);
}

TEST(AcmeLedger, IsTheSameWhenItIsReadAgain) {
  Ledger ledger;
  ledger.account = "https://ca.example/acct/1";
  ledger.order = "https://ca.example/order/1";
  ledger.failures = 2;
  ledger.next_try = 1'800'000'000;
  ledger.first_orders = {1, 2, 3};
  ledger.error = "http-01 failed: \"quoted\"";
  const auto again = parse_ledger(to_text(ledger));
  ASSERT_TRUE(again) << again.error().detail;
  EXPECT_EQ(*again, ledger);
  EXPECT_FALSE(parse_ledger("{"));
}

TEST(AcmeProblems, SayWhatToDo) {
  const auto explain = [](Method method, const char* type) {
    return explain_validation(method, "a.example", {.type = type, .detail = "they say"});
  };
  EXPECT_THAT(explain(Method::Http01, "connection"),
              HasSubstr("TCP port 80 of a.example: open it"));
  EXPECT_THAT(explain(Method::TlsAlpn01, "connection"), HasSubstr("TCP port 443"));
  EXPECT_THAT(explain(Method::TlsAlpn01, "dns"), HasSubstr("let an A or AAAA record point"));
  EXPECT_THAT(explain(Method::Http01, "unauthorized"), HasSubstr("somebody else answers"));
  EXPECT_THAT(explain(Method::Http01, "caa"), HasSubstr("CAA"));
  EXPECT_THAT(explain(Method::Http01, "new"), HasSubstr("(it says: they say)"));
  EXPECT_THAT(explain_refusal("order", "ca.example", 429, {}), HasSubstr("too many requests"));
  EXPECT_THAT(explain_refusal("order", "ca.example", 400,
                              {.type = "rejectedIdentifier", .detail = "blocked"}),
              HasSubstr("choose another one in \"url\""));
  EXPECT_THAT(explain_refusal("order", "ca.example", 500, {}), Not(HasSubstr("it says")));
}

}  // namespace
}  // namespace warren::acme
