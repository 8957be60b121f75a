#include "dns/core/resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dns/core/testing.h"

namespace warren::dns {
namespace {

using testing::Bytes;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::name;
using testing::query;
using testing::text_of;

const Endpoint kOne{testing::ip("192.0.2.53"), 53};
const Endpoint kTwo{testing::ip("192.0.2.54"), 53};
const Endpoint kCorp{testing::ip("10.0.0.53"), 53};
const Client kUdp{.transport = Transport::Udp, .channel = 1, .source = kOne};
const Client kTcp{.transport = Transport::Tcp, .channel = 2, .source = kTwo};

// The answer of an upstream to what it was asked.
Bytes answer_to(const AskUpstream& asked, const Answer& answer, std::size_t limit = 4095) {
  return encode_answer(decode_query(asked.message).value(), answer, limit);
}

Answer address(std::string_view text) {
  return {.answers = {{.ttl = 60, .data = testing::ip(text)}}};
}

class ResolverTest : public ::testing::Test {
 protected:
  ResolverTest() {
    testing::fill(resolver_.hosts());
    resolver_.set_config({.zone = testing::zone_config(),
                          .routes = {{.suffix = {}, .upstreams = {{kOne}, {kTwo}}},
                                     {.suffix = name("corp.example"), .upstreams = {{kCorp, true}}},
                                     {.suffix = name("lab.net.example"), .upstreams = {{kCorp}}},
                                     {.suffix = name("void.example"), .upstreams = {}}}});
  }

  // What is asked of upstreams because of it; replies and cancels go to the lists.
  std::vector<AskUpstream> ask(const Bytes& message, const Client& client = kUdp) {
    Actions actions;
    resolver_.on_query(client, message, now_, actions);
    return sort(actions);
  }

  std::vector<AskUpstream> reply(const AskUpstream& asked, const Bytes& message) {
    Actions actions;
    resolver_.on_upstream_reply(asked.attempt, message, actions);
    return sort(actions);
  }

  std::vector<AskUpstream> fail(const AskUpstream& asked) {
    Actions actions;
    resolver_.on_upstream_failed(asked.attempt, now_, actions);
    return sort(actions);
  }

  std::vector<AskUpstream> wait(Duration span) {
    now_ += span;
    Actions actions;
    resolver_.on_timeout(now_, actions);
    return sort(actions);
  }

  std::vector<AskUpstream> sort(const Actions& actions) {
    std::vector<AskUpstream> asked;
    for (const Action& action : actions) {
      if (const auto* const ask = std::get_if<AskUpstream>(&action)) {
        asked.push_back(*ask);
        ++open_attempts_;
      } else if (const auto* const reply = std::get_if<Reply>(&action)) {
        replies_.push_back(text_of(reply->message));
        last_ = *reply;
      } else {
        --open_attempts_;
      }
    }
    return asked;
  }

  Resolver resolver_{ResolverLimits{}};
  TimePoint now_{1h};
  std::vector<std::string> replies_;
  Reply last_;
  int open_attempts_ = 0;
};

TEST_F(ResolverTest, AnswersWhatItKnowsAtOnce) {
  EXPECT_THAT(ask(query("web")), IsEmpty());
  EXPECT_THAT(ask(query("nobody.net.example")), IsEmpty());
  EXPECT_THAT(replies_, ElementsAre("100.64.0.1", "NXDOMAIN"));
  EXPECT_EQ(last_.client, kUdp);
  EXPECT_EQ(id_of(last_.message), 7);
  EXPECT_EQ(resolver_.counters().answered_here, 2U);
  EXPECT_EQ(resolver_.next_timeout(), kNever);
}

TEST_F(ResolverTest, AsksAllUpstreamsAtOnceAndTakesTheFirstAnswer) {
  const auto asked = ask(query("www.example"));
  ASSERT_EQ(asked.size(), 2U);
  EXPECT_EQ(asked[0].upstream.endpoint, kOne);
  EXPECT_EQ(asked[1].upstream.endpoint, kTwo);
  EXPECT_EQ(asked[0].transport, Transport::Udp);
  EXPECT_EQ(asked[0].message, query("www.example"));

  Bytes answer = answer_to(asked[1], address("198.51.100.7"));
  set_id(answer, 999);
  EXPECT_THAT(reply(asked[1], answer), IsEmpty());
  EXPECT_THAT(replies_, ElementsAre("198.51.100.7"));
  EXPECT_EQ(id_of(last_.message), 7) << "the client's";
  EXPECT_EQ(open_attempts_, 0);
  EXPECT_EQ(resolver_.pending(), 0U);
  EXPECT_EQ(resolver_.next_timeout(), kNever);
  reply(asked[0], answer);
  EXPECT_EQ(replies_.size(), 1U) << "too late";
}

TEST_F(ResolverTest, TakesTheLongestSuffix) {
  const auto corp = ask(query("wiki.corp.example"));
  ASSERT_EQ(corp.size(), 1U);
  EXPECT_EQ(corp[0].upstream, (Upstream{kCorp, true}));
  EXPECT_EQ(ask(query("corp.example"))[0].upstream.endpoint, kCorp);
  EXPECT_EQ(ask(query("notcorp.example")).size(), 2U);
  EXPECT_EQ(ask(query("x.lab.net.example"))[0].upstream.endpoint, kCorp)
      << "longer than our own zone";
  EXPECT_THAT(ask(query("x.void.example")), IsEmpty());
  EXPECT_THAT(replies_, ElementsAre("SERVFAIL"));
}

TEST_F(ResolverTest, FailsWithoutARoute) {
  resolver_.set_config({});
  EXPECT_THAT(ask(query("www.example")), IsEmpty());
  EXPECT_THAT(replies_, ElementsAre("SERVFAIL"));
  EXPECT_EQ(resolver_.counters().failed, 1U);
}

TEST_F(ResolverTest, AsksOverTcpTwoSecondsLater) {
  const auto asked = ask(query("www.example"));
  EXPECT_EQ(resolver_.next_timeout(), now_ + 2s);
  EXPECT_THAT(wait(1999ms), IsEmpty());
  const auto again = wait(1ms);
  ASSERT_EQ(again.size(), 2U);
  EXPECT_EQ(again[0].transport, Transport::Tcp);
  EXPECT_EQ(resolver_.next_timeout(), now_ + 5s);
  reply(asked[0], answer_to(asked[0], address("198.51.100.7")));
  EXPECT_THAT(replies_, ElementsAre("198.51.100.7")) << "a late answer over UDP";
  EXPECT_EQ(open_attempts_, 0);
}

TEST_F(ResolverTest, AsksOverTcpAtOnceWhenUdpFailed) {
  const auto asked = ask(query("www.example"));
  const auto again = fail(asked[0]);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].transport, Transport::Tcp);
  EXPECT_EQ(again[0].upstream.endpoint, kOne);
  EXPECT_THAT(fail(again[0]), IsEmpty());
  EXPECT_EQ(wait(2s).size(), 1U) << "the other one";
}

TEST_F(ResolverTest, AsksOverTcpOnlyForClientsOverTcp) {
  const auto asked = ask(query("www.example"), kTcp);
  ASSERT_EQ(asked.size(), 2U);
  EXPECT_EQ(asked[0].transport, Transport::Tcp);
  EXPECT_EQ(asked[1].transport, Transport::Tcp);
  EXPECT_THAT(wait(4s), IsEmpty());
  EXPECT_THAT(wait(1s), IsEmpty());
  EXPECT_THAT(replies_, ElementsAre("SERVFAIL")) << "five seconds for a connection";
  EXPECT_EQ(open_attempts_, 0);
}

TEST_F(ResolverTest, FailsWhenAllFail) {
  const auto asked = ask(query("www.example"));
  reply(asked[0], answer_to(asked[0], {.code = ResponseCode::ServFail}));
  EXPECT_THAT(replies_, IsEmpty());
  EXPECT_EQ(open_attempts_, 1);
  reply(asked[1], answer_to(asked[1], {.code = ResponseCode::Refused}));
  EXPECT_THAT(replies_, ElementsAre("SERVFAIL"));
  EXPECT_EQ(resolver_.counters().failed, 1U);
}

TEST_F(ResolverTest, RefusesWhenAllRefuse) {
  for (const AskUpstream& asked : ask(query("www.example"))) {
    reply(asked, answer_to(asked, {.code = ResponseCode::Refused}));
  }
  EXPECT_THAT(replies_, ElementsAre("REFUSED"));
  EXPECT_EQ(resolver_.counters().refused, 1U);
}

TEST_F(ResolverTest, PassesOnThatANameDoesNotExist) {
  const auto asked = ask(query("www.example"));
  reply(asked[0], answer_to(asked[0], {.code = ResponseCode::NxDomain}));
  EXPECT_THAT(replies_, ElementsAre("NXDOMAIN"));
}

TEST_F(ResolverTest, GivesUpAfterTenSeconds) {
  ask(query("www.example"));
  wait(2s);
  wait(5s);
  EXPECT_THAT(replies_, IsEmpty());
  EXPECT_THAT(wait(3s), IsEmpty());
  EXPECT_THAT(replies_, ElementsAre("SERVFAIL"));
  EXPECT_EQ(resolver_.counters().timed_out, 1U);
  EXPECT_EQ(open_attempts_, 0);
}

TEST_F(ResolverTest, IgnoresAnswersToOtherQuestions) {
  const auto asked = ask(query("www.example"));
  const auto foreign =
      encode_answer(decode_query(query("ww2.example")).value(), address("198.51.100.66"), 512);
  reply(asked[0], foreign);
  reply(asked[0], Bytes(3));
  reply(asked[0], query("www.example"));
  EXPECT_THAT(replies_, IsEmpty());
  EXPECT_EQ(resolver_.counters().foreign_replies, 3U);
  reply(asked[0], answer_to(asked[0], address("198.51.100.7")));
  EXPECT_THAT(replies_, ElementsAre("198.51.100.7"));
}

TEST_F(ResolverTest, CutsForUdpWhatTheClientDoesNotTake) {
  Answer large;
  large.answers.assign(40, {.ttl = 60, .data = testing::ip("198.51.100.7")});
  const auto asked = ask(query("www.example"));
  reply(asked[0], answer_to(asked[0], large));
  EXPECT_EQ(replies_.back(), "TC");
  EXPECT_LE(last_.message.size(), 512U);
  const auto asked_by_tcp = ask(query("www.example"), kTcp);
  reply(asked_by_tcp[0], answer_to(asked_by_tcp[0], large));
  EXPECT_GT(last_.message.size(), 512U);
  EXPECT_EQ(resolver_.counters().truncated, 1U);
}

TEST_F(ResolverTest, PassesOnThatAnUpstreamCutItsAnswer) {
  Answer large;
  large.answers.assign(40, {.ttl = 60, .data = testing::ip("198.51.100.7")});
  const auto asked = ask(query("www.example"));
  reply(asked[0], truncated(answer_to(asked[0], large)));
  EXPECT_THAT(replies_, ElementsAre("TC"));
}

TEST_F(ResolverTest, AsksForNoMoreThanItPassesOn) {
  const auto asked = ask(query("www.example", RecordType::A, 7, 65'535));
  EXPECT_EQ(decode_query(asked[0].message)->edns->udp_size, 4095);
}

TEST_F(ResolverTest, DropsWhatIsBeyondItsBounds) {
  for (std::uint16_t i = 0; i < 300; ++i) ask(query("www.example", RecordType::A, i));
  EXPECT_EQ(resolver_.pending(), 256U);
  EXPECT_EQ(resolver_.counters().too_many, 44U);
  EXPECT_EQ(open_attempts_, 512);
  EXPECT_EQ(wait(2s).size(), 0U) << "no attempts are left";
  EXPECT_EQ(resolver_.counters().no_attempt_left, 512U);
  wait(8s);
  EXPECT_EQ(replies_.size(), 256U);
  EXPECT_EQ(open_attempts_, 0);
}

TEST_F(ResolverTest, ForgetsTheQueriesOfAConnectionThatClosed) {
  ask(query("www.example"), kTcp);
  ask(query("web.corp.example"));
  Actions actions;
  resolver_.on_client_gone(kUdp.channel, actions);
  EXPECT_THAT(actions, IsEmpty()) << "a socket, not a connection";
  resolver_.on_client_gone(kTcp.channel, actions);
  sort(actions);
  EXPECT_EQ(resolver_.pending(), 1U);
  EXPECT_EQ(open_attempts_, 1);
  EXPECT_THAT(replies_, IsEmpty());
  EXPECT_EQ(resolver_.counters().clients_gone, 1U);
}

TEST_F(ResolverTest, GoesOnWithQueriesOfAFormerConfiguration) {
  const auto asked = ask(query("www.example"));
  resolver_.set_config({});
  reply(asked[0], answer_to(asked[0], address("198.51.100.7")));
  EXPECT_THAT(replies_, ElementsAre("198.51.100.7"));
}

TEST_F(ResolverTest, SaysWhatIsWrongWithAQuery) {
  ask(Bytes(5));
  ask(encode_answer(decode_query(query("web")).value(), {}, 512));
  EXPECT_THAT(replies_, IsEmpty()) << "no queries at all";
  ask(Bytes(12));
  ASSERT_EQ(last_.message.size(), 12U);
  EXPECT_EQ(last_.message[3] & 0xF, 1) << "FORMERR";
  Bytes notify = query("web");
  notify[2] = 4 << 3;
  ask(notify);
  EXPECT_EQ(replies_.back(), "NOTIMP");
  Bytes chaos = query("web");
  chaos.back() = 3;
  ask(chaos);
  EXPECT_EQ(replies_.back(), "NOTIMP");
  Bytes newer = query("web", RecordType::A, 7, 1232);
  newer[newer.size() - 5] = 1;
  ask(newer);
  EXPECT_EQ(RecordReader(last_.message).next()->ttl >> 24, 1U) << "BADVERS";
  EXPECT_EQ(resolver_.counters().malformed, 3U);
}

}  // namespace
}  // namespace warren::dns
