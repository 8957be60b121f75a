#include "acme/core/engine.h"

#include <algorithm>
#include <map>
#include <set>

#include <boost/json/parse.hpp>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "acme/core/jws.h"
#include "base/hex.h"

namespace warren::acme {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

const std::string kName = "warren.example.org";
const std::string kBase = "https://ca.example";

std::string from_base64url(std::string text) {
  std::ranges::replace(text, '-', '+');
  std::ranges::replace(text, '_', '/');
  const std::size_t size = text.size() * 3 / 4;
  while (text.size() % 4 != 0) text += '=';
  std::string out(size, '\0');
  EXPECT_TRUE(parse_base64(text, {reinterpret_cast<std::uint8_t*>(out.data()), out.size()}));
  return out;
}

Answer said(unsigned status,
            std::string body = {},
            std::string location = {},
            std::string nonce = {}) {
  Answer out;
  out.status = status;
  out.body = std::move(body);
  out.location = std::move(location);
  out.nonce = std::move(nonce);
  return out;
}

// An authority that does what RFC 8555 says, with one account and an order at a time.
struct Authority {
  std::set<Method> unreachable;  // validation by it fails
  bool refuses_replaces = false;
  unsigned refuse_nonces = 0;             // so many of the next
  std::string renewal_info;               // the answer; empty: none is offered
  std::map<std::string, Answer> instead;  // of a path's answer
  std::vector<std::string> asked;         // paths, in order
  std::string last_payload;
  std::string order_status = "pending";
  std::string authorization_status = "pending";
  Method answered = Method::Http01;
  bool has_account = false;
  unsigned orders = 0;
  unsigned nonces = 0;

  Answer answer(const SendRequest& request) {
    const std::string& path = request.url.target;
    asked.push_back(path);
    Answer out;
    out.nonce = fmt::format("nonce{}", ++nonces);
    if (request.kind == SendRequest::Kind::Post) {
      const auto jws = boost::json::parse(request.body);
      last_payload = from_base64url(std::string(jws.at("payload").as_string()));
      const auto header =
          boost::json::parse(from_base64url(std::string(jws.at("protected").as_string())));
      EXPECT_EQ(header.at("url").as_string(), kBase + path);
      if (refuse_nonces > 0) {
        --refuse_nonces;
        return problem(out, 400, "badNonce");
      }
      if (refuses_replaces && last_payload.contains(R"("replaces":"id.)")) {
        return problem(out, 409, "alreadyReplaced");
      }
      if (path != "/account" && !has_account) return problem(out, 400, "accountDoesNotExist");
    }
    if (const auto found = instead.find(path); found != instead.end()) {
      Answer other = found->second;
      if (other.nonce.empty()) other.nonce = out.nonce;
      return other;
    }
    fill(path, out);
    return out;
  }

  static Answer problem(Answer out,
                        unsigned status,
                        const std::string& type,
                        const std::string& detail = "they say") {
    out.status = status;
    out.body =
        fmt::format(R"({{"type":"urn:ietf:params:acme:error:{}","detail":"{}"}})", type, detail);
    return out;
  }

  void fill(const std::string& path, Answer& out) {
    out.status = 200;
    if (path == "/directory") {
      out.body = fmt::format(
          R"({{"newNonce":"{0}/nonce","newAccount":"{0}/account","newOrder":"{0}/orders"{1}}})",
          kBase, renewal_info.empty() ? "" : R"(,"renewalInfo":"https://ca.example/ari")");
    } else if (path == "/account") {
      has_account = true;
      out.location = kBase + "/account/1";
    } else if (path == "/orders") {
      order_status = authorization_status = "pending";
      out.status = 201;
      out.location = fmt::format("{}/order/{}", kBase, ++orders);
      out.body = order();
    } else if (path.starts_with("/order/")) {
      out.body = order();
    } else if (path == "/authorization") {
      out.body = authorization();
    } else if (path.starts_with("/challenge/")) {
      answered = *parse_method(path.substr(11));
      const bool fails = unreachable.contains(answered);
      authorization_status = fails ? "invalid" : "valid";
      order_status = fails ? "invalid" : "ready";
      out.body = "{}";
    } else if (path == "/finalize") {
      order_status = "valid";
      out.body = order();
    } else if (path == "/certificate") {
      out.body = "PEM";
    } else if (path.starts_with("/ari/")) {
      out.body = renewal_info;
      out.retry_after = "21600";
    }
  }

  std::string order() const {
    return fmt::format(
        R"({{"status":"{}","authorizations":["{}/authorization"],"finalize":"{}/finalize",)"
        R"("certificate":"{}/certificate"}})",
        order_status, kBase, kBase, kBase);
  }

  std::string authorization() const {
    std::string challenges;
    for (const Method method : {Method::TlsAlpn01, Method::Http01}) {
      const bool is_this = authorization_status != "pending" && method == answered;
      challenges += fmt::format(
          R"({}{{"type":"{}","url":"{}/challenge/{}","token":"abc","status":"{}"{}}})",
          challenges.empty() ? "" : ",", to_string(method), kBase, to_string(method),
          is_this ? authorization_status : "pending",
          is_this && authorization_status == "invalid"
              ? R"(,"error":{"type":"urn:ietf:params:acme:error:connection","detail":"refused"})"
              : "");
    }
    return fmt::format(
        R"({{"status":"{}","identifier":{{"type":"dns","value":"{}"}},"challenges":[{}]}})",
        authorization_status, kName, challenges);
  }
};

class AcmeEngine : public testing::Test {
 protected:
  AcmeEngine() : key_(P256PrivateKey::generate().value()) { restart({}); }

  // The process is started again, with what it kept.
  void restart(std::optional<Certificate> certificate) {
    Settings settings;
    settings.directory = *parse_url(kBase + "/directory");
    settings.name = kName;
    settings.email = "me@example.org";
    settings.methods = methods_;
    engine_.emplace(std::move(settings), key_, random_);
    certificate_ = std::move(certificate);
  }

  void start() {
    engine_->start(kept_, certificate_, now_, actions_);
    perform();
  }

  // Does what the engine wants until it waits; `requests` at most are sent.
  void perform(std::size_t requests = 1000) {
    while (!actions_.empty()) {
      const Action action = actions_.front();
      actions_.erase(actions_.begin());
      if (const auto* request = std::get_if<SendRequest>(&action)) {
        if (requests-- == 0) return;
        if (is_offline_) {
          engine_->on_no_answer("no route to host", now_, actions_);
        } else {
          engine_->on_answer(authority_.answer(*request), now_, actions_);
        }
      } else if (const auto* served = std::get_if<ServeChallenge>(&action)) {
        serving_.push_back(served->method);
        EXPECT_EQ(served->authorization, key_authorization("abc", key_.public_key()));
      } else if (std::get_if<EndChallenges>(&action) != nullptr) {
        serving_.clear();
      } else if (std::get_if<MakeRequest>(&action) != nullptr) {
        engine_->on_request(as_bytes("csr"), now_, actions_);
      } else if (const auto* keep = std::get_if<Keep>(&action)) {
        kept_ = keep->ledger;
      } else if (const auto* store = std::get_if<StoreCertificate>(&action)) {
        EXPECT_EQ(store->chain, "PEM");
        certificate_ = Certificate{
            .lifetime = {.not_before = now_.wall, .not_after = now_.wall.after(24h * 45)},
            .renewal_id = fmt::format("id.{}", ++stored_)};
        engine_->on_stored(*certificate_, now_, actions_);
      } else if (const auto* tell = std::get_if<Tell>(&action)) {
        told_.push_back(tell->sentence);
      }
    }
  }

  void pass(Duration span) {
    const TimePoint end = now_.time + span;
    while (now_.time < end) {
      const TimePoint next = std::min(end, std::max(engine_->next_timeout(), now_.time + 1s));
      now_.wall =
          now_.wall.after(std::chrono::duration_cast<std::chrono::seconds>(next - now_.time));
      now_.time = next;
      engine_->on_timeout(now_, actions_);
      perform();
    }
  }

  std::vector<Method> methods_ = {Method::TlsAlpn01, Method::Http01};
  SeededRandom random_{1};
  P256PrivateKey key_;
  Authority authority_;
  std::optional<Engine> engine_;
  std::optional<Certificate> certificate_;
  Ledger kept_;
  Actions actions_;
  Now now_{.time = TimePoint(1h), .wall = {.seconds = 1'800'000'000}};
  std::vector<Method> serving_;
  std::vector<std::string> told_;
  unsigned stored_ = 0;
  bool is_offline_ = false;
};

TEST_F(AcmeEngine, GetsACertificateAndKeepsWhatItNeedsForTheNext) {
  start();
  EXPECT_EQ(authority_.asked.front(), "/directory");
  pass(1min);
  EXPECT_EQ(stored_, 1U);
  EXPECT_THAT(serving_, IsEmpty());
  EXPECT_EQ(kept_.account, kBase + "/account/1");
  EXPECT_EQ(kept_.order, "");
  EXPECT_EQ(kept_.good_method, "tls-alpn-01");
  EXPECT_EQ(authority_.orders, 1U);
  EXPECT_FALSE(engine_->is_working());
}

TEST_F(AcmeEngine, RenewsAtTwoThirdsOfTheLifetime) {
  start();
  pass(26 * 24h);
  EXPECT_EQ(stored_, 1U);
  pass(5 * 24h);
  EXPECT_EQ(stored_, 2U);
  EXPECT_EQ(std::ranges::count(authority_.asked, "/account"), 1);
}

TEST_F(AcmeEngine, RenewsInTheWindowThatTheAuthoritySuggests) {
  // The certificate will be of 2027-01-15; this is ten days later.
  authority_.renewal_info =
      R"({"suggestedWindow":{"start":"2027-01-25T08:00:00Z","end":"2027-01-25T09:00:00Z"}})";
  start();
  pass(9 * 24h);
  EXPECT_EQ(stored_, 1U);
  pass(36h);
  EXPECT_EQ(stored_, 2U);
}

TEST_F(AcmeEngine, ReplacesWhereThatIsUnderstoodAndOrdersPlainlyWhereItIsRefused) {
  authority_.renewal_info =
      R"({"suggestedWindow":{"start":"2027-01-25T08:00:00Z","end":"2027-01-25T09:00:00Z"}})";
  start();
  pass(1min);
  authority_.refuses_replaces = true;
  pass(11 * 24h);
  EXPECT_EQ(std::ranges::count(authority_.asked, "/orders"), 3);  // one, and two of the renewal
  EXPECT_EQ(stored_, 2U);
}

TEST_F(AcmeEngine, TriesAgainWithTheNonceThatComesWithBadNonce) {
  authority_.refuse_nonces = 7;
  start();
  pass(1min);
  EXPECT_EQ(stored_, 1U);
  EXPECT_EQ(kept_.troubles, 0U);
}

TEST_F(AcmeEngine, GivesWayToAnAuthorityThatTakesNoNonce) {
  authority_.refuse_nonces = 1000;
  start();
  EXPECT_EQ(kept_.troubles, 1U);
  EXPECT_LT(authority_.asked.size(), 20U);
}

TEST_F(AcmeEngine, ChangesTheMethodOnceThenStopsAndExplains) {
  authority_.unreachable = {Method::TlsAlpn01, Method::Http01};
  start();
  pass(1min);
  EXPECT_EQ(authority_.orders, 2U);
  EXPECT_EQ(kept_.failures, 1U);
  EXPECT_THAT(kept_.error, HasSubstr("TCP port 443"));
  EXPECT_THAT(kept_.error, HasSubstr("TCP port 80"));
  EXPECT_THAT(serving_, IsEmpty());
  pass(8min);
  EXPECT_EQ(authority_.orders, 2U);
  pass(3min);
  EXPECT_EQ(authority_.orders, 4U);
  pass(24h * 7);
  EXPECT_LT(authority_.orders, 26U);  // 1 h, 6 h, then daily
}

TEST_F(AcmeEngine, RemembersWhichMethodWorked) {
  authority_.unreachable = {Method::TlsAlpn01};
  start();
  pass(1min);
  EXPECT_EQ(stored_, 1U);
  EXPECT_EQ(kept_.good_method, "http-01");
  pass(31 * 24h);
  EXPECT_EQ(stored_, 2U);
  EXPECT_EQ(authority_.orders, 3U);  // the renewal begins with http-01
}

TEST_F(AcmeEngine, ContinuesAnOrderAfterARestartAtAnyPoint) {
  for (std::size_t requests = 0; requests < 12; ++requests) {
    SCOPED_TRACE(requests);
    authority_ = {};
    kept_ = {};
    stored_ = 0;
    actions_.clear();
    restart({});
    engine_->start(kept_, certificate_, now_, actions_);
    perform(requests);
    actions_.clear();  // killed
    restart(certificate_);
    start();
    pass(1min);
    EXPECT_EQ(stored_, 1U);
    EXPECT_LE(authority_.orders, 1U);
    EXPECT_LE(std::ranges::count(authority_.asked, "/account"), 1);
  }
}

TEST_F(AcmeEngine, DoesNotHammerAnAuthorityWhenItIsStartedAgainAndAgain) {
  authority_.unreachable = {Method::TlsAlpn01, Method::Http01};
  for (int i = 0; i < 20; ++i) {
    restart({});
    actions_.clear();
    start();
    pass(10s);
  }
  EXPECT_EQ(authority_.orders, 2U);
}

TEST_F(AcmeEngine, OrdersFourTimesAWeekWhenTheCertificateIsLostAgainAndAgain) {
  for (int i = 0; i < 20; ++i) {
    restart({});
    actions_.clear();
    start();
    pass(10s);
  }
  EXPECT_EQ(authority_.orders, 4U);
  EXPECT_THAT(kept_.error, HasSubstr("too many"));
  pass(7 * 24h);
  EXPECT_EQ(authority_.orders, 5U);
}

TEST_F(AcmeEngine, MakesAnotherAccountWhenTheAuthorityHasForgottenIt) {
  kept_.account = kBase + "/account/0";
  kept_.order = kBase + "/order/0";
  start();
  pass(1min);
  EXPECT_EQ(stored_, 1U);
  EXPECT_EQ(kept_.account, kBase + "/account/1");
}

TEST_F(AcmeEngine, HeedsRetryAfterOfARateLimit) {
  Answer limited = Authority::problem({}, 429, "rateLimited", "too many certificates");
  limited.retry_after = "7200";
  authority_.instead["/orders"] = limited;
  start();
  EXPECT_THAT(kept_.error, HasSubstr("too many requests"));
  const auto count = authority_.asked.size();
  pass(119min);
  EXPECT_EQ(authority_.asked.size(), count);
  authority_.instead.clear();
  pass(2min);
  EXPECT_EQ(stored_, 1U);
}

TEST_F(AcmeEngine, BacksOffWhileNobodyIsThereAndGetsItThen) {
  is_offline_ = true;
  start();
  EXPECT_THAT(told_.back(), HasSubstr("no route to host"));
  pass(1h);
  EXPECT_LE(kept_.troubles, 7U);
  is_offline_ = false;
  pass(2h);
  EXPECT_EQ(stored_, 1U);
  EXPECT_EQ(kept_.troubles, 0U);
  EXPECT_EQ(kept_.error, "");
}

TEST_F(AcmeEngine, UsesNoUrlOfStrangers) {
  const std::string foreign = "https://evil.example/x";
  const std::pair<const char*, Answer> cases[] = {
      {"/directory",
       said(200, R"({"newNonce":"https://evil.example/n","newAccount":"https://ca.example/a",)"
                 R"("newOrder":"https://ca.example/o"})")},
      {"/account", said(201, {}, foreign)},
      {"/orders", said(201, {}, foreign)},
      {"/orders", said(201,
                       R"({"status":"pending","authorizations":["https://evil.example/z"],)"
                       R"("finalize":"x"})",
                       kBase + "/order/1")},
      {"/finalize", said(200, R"({"status":"valid","authorizations":["x"],"finalize":"x",)"
                              R"("certificate":"https://evil.example/c"})")},
      {"/authorization",
       said(200, R"({"status":"pending","identifier":{"type":"dns","value":"warren.example.org"},)"
                 R"("challenges":[{"type":"http-01","url":"https://evil.example/c","token":"abc",)"
                 R"("status":"pending"}]})")},
  };
  for (const auto& [path, answer] : cases) {
    SCOPED_TRACE(path);
    authority_ = {};
    authority_.instead[path] = answer;
    kept_ = {};
    actions_.clear();
    restart({});
    start();
    pass(5min);
    EXPECT_EQ(stored_, 0U);
    EXPECT_NE(kept_.error, "");
    EXPECT_NE(kept_.next_try, 0);
  }
}

TEST_F(AcmeEngine, SurvivesJunk) {
  const Answer junk[] = {said(200, "<html>"),
                         said(200, std::string(100'000, '[')),
                         said(0),
                         said(302, {}, "https://evil.example/"),
                         said(500),
                         said(200, "null", {}, std::string(5000, 'n')),
                         said(200, "{}", {}, "bad nonce\r\n")};
  for (const char* const path : {"/directory", "/nonce", "/account", "/orders", "/order/1",
                                 "/authorization", "/challenge/tls-alpn-01", "/finalize"}) {
    for (const Answer& answer : junk) {
      SCOPED_TRACE(path);
      authority_ = {};
      authority_.instead[path] = answer;
      kept_ = {};
      actions_.clear();
      restart({});
      start();
      pass(20min);
      EXPECT_LT(authority_.asked.size(), 200U);
    }
  }
}

TEST_F(AcmeEngine, WarnsOfTheEndOfACertificate) {
  start();
  pass(1min);
  is_offline_ = true;
  told_.clear();
  pass(34 * 24h);
  EXPECT_THAT(told_, testing::Contains(HasSubstr("is not renewed yet")));
}

}  // namespace
}  // namespace warren::acme
