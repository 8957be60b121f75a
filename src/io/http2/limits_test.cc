#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/testing.h"
#include "io/http2/session.h"
#include "io/http2/testing.h"

// What a session does to a peer that wants too much.
namespace warren::http2 {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// A client's preface and empty SETTINGS.
Bytes opening() {
  Bytes out = bytes_of(kPreface);
  out.resize(out.size() + 9);
  out[kPreface.size() + 3] = 4;
  return out;
}

void append_frame(
    Bytes& out, std::uint8_t type, std::uint8_t flags, std::uint32_t stream, ByteView payload) {
  const std::size_t at = out.size();
  out.resize(at + 9);
  store_be(out.data() + at, static_cast<std::uint32_t>(payload.size() << 8 | type));
  out[at + 4] = flags;
  store_be(out.data() + at + 5, stream);
  out.insert(out.end(), payload.begin(), payload.end());
}

// GET https / and POST https / at the authority "x", from HPACK's static table.
constexpr std::array<std::uint8_t, 6> kGet = {0x82, 0x87, 0x84, 0x01, 0x01, 'x'};
constexpr std::array<std::uint8_t, 6> kPost = {0x83, 0x87, 0x84, 0x01, 0x01, 'x'};
constexpr std::uint8_t kHeaders = 1;
constexpr std::uint8_t kRst = 3;
constexpr std::uint8_t kPing = 6;
constexpr std::uint8_t kContinuation = 9;
constexpr std::uint8_t kEndStream = 1;
constexpr std::uint8_t kEndHeaders = 4;

TEST(Http2Limits, RefusesABodyThatIsAnnouncedTooLong) {
  Limits limits;
  limits.max_body = 1000;
  Pair pair(limits);
  const StreamId id = pair.request("POST", "/", Bytes(1001));
  pair.talk();
  EXPECT_THAT(pair.server_events(), IsEmpty());  // the owner never hears of it
  const Events events = pair.client_events();
  ASSERT_THAT(events_of<ResponseHead>(events), SizeIs(1));
  EXPECT_EQ(events_of<ResponseHead>(events)[0].status, 413);
  EXPECT_EQ(events.back(), Event{End{id}});
  EXPECT_EQ(pair.server.counters().large_bodies, 1);
  EXPECT_EQ(pair.server.open_streams(), 0);
  // As long as may be.
  const StreamId next = pair.request("POST", "/", Bytes(1000));
  pair.talk();
  EXPECT_EQ(body_of(pair.server_events(), next).size(), 1000);
}

// A POST without content-length, its body in frames of 1000 bytes.
Bytes endless_post(int frames) {
  Bytes wire = opening();
  append_frame(wire, kHeaders, kEndHeaders, 1, kPost);
  for (int i = 0; i < frames; ++i) append_frame(wire, 0, 0, 1, Bytes(1000));
  return wire;
}

TEST(Http2Limits, RefusesABodyThatGrowsTooLong) {
  Limits limits;
  limits.max_body = 2500;
  ServerSession server(limits);
  Events events;
  ASSERT_TRUE(server.receive(endless_post(5), events));
  EXPECT_LE(body_of(events, {1}).size(), limits.max_body);
  EXPECT_EQ(events.back(), (Event{Reset{{1}, Code::EnhanceYourCalm}}));
  EXPECT_EQ(server.counters().large_bodies, 1);
  EXPECT_FALSE(server.respond({1}, 200, {}, {}));
  Bytes out;
  events.clear();
  ASSERT_TRUE(server.take_output(out, 1 << 20, events));
  EXPECT_THAT(events, IsEmpty());
  EXPECT_EQ(server.open_streams(), 0);
}

TEST(Http2Limits, ResetsAnOpenResponseWhenTheBodyGrowsTooLong) {
  Limits limits;
  limits.max_body = 2500;
  ServerSession server(limits);
  Events events;
  ASSERT_TRUE(server.receive(endless_post(1), events));
  ASSERT_TRUE(server.respond_open({1}, 200, {}));
  events.clear();
  Bytes more;
  for (int i = 0; i < 3; ++i) append_frame(more, 0, 0, 1, Bytes(1000));
  ASSERT_TRUE(server.receive(more, events));
  EXPECT_EQ(events.back(), (Event{Reset{{1}, Code::EnhanceYourCalm}}));
  EXPECT_FALSE(server.write({1}, bytes_of("x")));
}

TEST(Http2Limits, ResetsAStreamThatExceedsItsWindow) {
  Limits limits;
  limits.stream_window = 3000;
  ServerSession server(limits);
  Bytes out;
  Events events;
  Bytes wire = endless_post(0);
  append_frame(wire, 4, 1, 0, {});  // acknowledges our SETTINGS
  ASSERT_TRUE(server.take_output(out, 1 << 20, events));
  ASSERT_TRUE(server.receive(wire, events));
  Bytes body;
  for (int i = 0; i < 100; ++i) append_frame(body, 0, 0, 1, Bytes(1000));
  ASSERT_TRUE(server.receive(body, events));
  ASSERT_TRUE(server.take_output(out, 1 << 20, events));
  // The frame that crosses the limit is still seen.
  EXPECT_LE(body_of(events, {1}).size(), limits.stream_window + 1000);
  EXPECT_EQ(events.back(), (Event{Reset{{1}, Code::FlowControlError}}));
}

TEST(Http2Limits, RefusesALargeHead) {
  Limits limits;
  limits.max_head = 1000;
  Pair pair(limits);
  auto id = pair.client.request({.method = "GET",
                                 .path = "/",
                                 .authority = "x",
                                 .fields = {{.name = "a", .value = std::string(2000, 'a')}}});
  ASSERT_TRUE(id);
  pair.talk();
  EXPECT_THAT(pair.server_events(), IsEmpty());
  const Events events = pair.client_events();
  ASSERT_THAT(events_of<ResponseHead>(events), SizeIs(1));
  EXPECT_EQ(events_of<ResponseHead>(events)[0].status, 431);
  EXPECT_EQ(pair.server.counters().large_heads, 1);
}

// HPACK can say a long field again in one byte.
TEST(Http2Limits, RefusesAHeadThatIsShortOnTheWireOnly) {
  Bytes block(kGet.begin(), kGet.end());
  block.push_back(0x40);  // literal, to be indexed: name "a", value of 3000 bytes
  block.insert(block.end(), {1, 'a', 0x7f, 0xb9, 0x16});  // 127 + 0x39 + 0x16 * 128 = 3000
  block.resize(block.size() + 3000, 'v');
  block.resize(block.size() + 10'000, 0xbe);  // the newest entry of the table
  Bytes wire = opening();
  append_frame(wire, kHeaders, kEndHeaders | kEndStream, 1, block);
  ServerSession server;
  Events events;
  ASSERT_TRUE(server.receive(wire, events));
  EXPECT_THAT(events, IsEmpty());
  EXPECT_EQ(server.counters().large_heads, 1);
}

TEST(Http2Limits, ClosesOnEndlessContinuations) {
  Bytes wire = opening();
  append_frame(wire, kHeaders, 0, 1, kGet);
  for (int i = 0; i < 20; ++i) append_frame(wire, kContinuation, 0, 1, {});
  ServerSession server;
  Events events;
  const bool ok = server.receive(wire, events).has_value();
  Bytes out;
  if (ok) ASSERT_TRUE(server.take_output(out, 1 << 20, events));
  EXPECT_TRUE(server.is_over());
  EXPECT_THAT(events, IsEmpty());
}

TEST(Http2Limits, RefusesStreamsBeyondTheLimit) {
  Limits limits;
  limits.max_streams = 3;
  ServerSession server(limits);
  Events events;
  Bytes out;
  ASSERT_TRUE(server.take_output(out, 1 << 20, events));
  Bytes wire = opening();
  for (std::uint32_t i = 0; i < 10; ++i) {
    append_frame(wire, kHeaders, kEndHeaders | kEndStream, 2 * i + 1, kGet);
  }
  static_cast<void>(server.receive(wire, events));
  EXPECT_THAT(events_of<RequestHead>(events), SizeIs(3));
  EXPECT_EQ(server.open_streams(), 3);
}

TEST(Http2Limits, LetsAClientWaitForItsTurn) {
  Limits limits;
  limits.max_streams = 2;
  Pair pair(limits);
  pair.talk();
  std::vector<StreamId> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(pair.request("GET", "/"));
  std::size_t answered = 0;
  while (answered < ids.size()) {
    pair.talk();
    const auto heads = events_of<RequestHead>(pair.server_events());
    ASSERT_FALSE(heads.empty());
    EXPECT_LE(heads.size(), limits.max_streams);
    for (const auto& head : heads) EXPECT_TRUE(pair.server.respond(head.stream, 200, {}, {}));
    answered += heads.size();
  }
  pair.talk();
  EXPECT_THAT(events_of<End>(pair.client_events()), SizeIs(5));
}

TEST(Http2Limits, TellsAWaitingClientThatTheServerGoes) {
  Limits limits;
  limits.max_streams = 1;
  Pair pair(limits);
  pair.talk();
  const StreamId first = pair.request("GET", "/1");
  const StreamId second = pair.request("GET", "/2");
  pair.talk();
  pair.server.shut_down();
  pair.talk();
  ASSERT_TRUE(pair.server.respond(first, 200, {}, {}));
  pair.talk();
  EXPECT_THAT(events_of<Reset>(pair.client_events()),
              ElementsAre(Reset{second, Code::RefusedStream}));
  EXPECT_EQ(pair.client.open_streams(), 0);
}

TEST(Http2Limits, BoundsTheRequestsOfAClient) {
  Limits limits = kClientLimits;
  limits.max_streams = 3;
  Pair pair({}, limits);
  for (int i = 0; i < 3; ++i) pair.request("GET", "/");
  EXPECT_FALSE(pair.client.request({.method = "GET", .path = "/", .authority = "x"}));
}

TEST(Http2Limits, ClosesOnRapidResets) {
  for (const bool takes_output : {false, true}) {
    SCOPED_TRACE(takes_output);
    ServerSession server;
    Events events;
    Bytes out;
    ASSERT_TRUE(server.receive(opening(), events));
    bool ok = true;
    for (std::uint32_t i = 0; ok && !server.is_over() && i < 2000; ++i) {
      Bytes wire;
      append_frame(wire, kHeaders, kEndHeaders | kEndStream, 2 * i + 1, kGet);
      append_frame(wire, kRst, 0, 2 * i + 1, Bytes{0, 0, 0, 8});
      ok = server.receive(wire, events).has_value();
      if (takes_output && ok) ok = server.take_output(out, 1 << 20, events).has_value();
    }
    EXPECT_TRUE(server.is_over());
    // The burst, and what a slow machine adds to it while the test runs.
    EXPECT_LT(events_of<RequestHead>(events).size(), 1000);
    EXPECT_EQ(events_of<RequestHead>(events).size(), events_of<Reset>(events).size());
  }
}

TEST(Http2Limits, ClosesWhenAnswersPileUp) {
  const auto flood = [](std::uint8_t type, std::uint8_t flags, ByteView payload, bool counts) {
    ServerSession server;
    Events events;
    ASSERT_TRUE(server.receive(opening(), events));
    bool ok = true;
    for (std::uint32_t i = 0; ok && i < 100'000; ++i) {
      Bytes wire;
      append_frame(wire, type, flags, counts ? 2 * i + 1 : 0, payload);
      ok = server.receive(wire, events).has_value();
    }
    EXPECT_FALSE(ok);
    EXPECT_TRUE(server.is_over());
    EXPECT_FALSE(server.wants_output());
    EXPECT_FALSE(server.receive(Bytes(1), events));
  };
  flood(kPing, 0, Bytes(8), false);
  // Requests without a path, each of which is answered with a reset.
  flood(kHeaders, kEndHeaders | kEndStream, ByteView(kGet).first(2), true);
}

TEST(Http2Limits, MakesNoEventsOfUnaskedAnswersToPings) {
  ServerSession server;
  Events events;
  Bytes wire = opening();
  for (int i = 0; i < 100; ++i) append_frame(wire, kPing, 1, 0, Bytes(8));
  ASSERT_TRUE(server.receive(wire, events));
  EXPECT_THAT(events, IsEmpty());
}

TEST(Http2Limits, FailsWhenItIsNotHttp2) {
  ServerSession server;
  Events events;
  const auto result = server.receive(bytes_of("GET / HTTP/1.1\r\n\r\n"), events);
  ASSERT_FALSE(result);
  EXPECT_TRUE(server.is_over());
}

}  // namespace
}  // namespace warren::http2
