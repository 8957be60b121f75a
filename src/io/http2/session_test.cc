#include "io/http2/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/testing.h"
#include "io/http2/testing.h"

namespace warren::http2 {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

Bytes large_body(std::size_t size) {
  SeededRandom random(size);
  return random_bytes(random, size);
}

TEST(Http2Session, CarriesARequestAndItsResponse) {
  Pair pair;
  const StreamId id = pair.request("POST", "/machine/register", bytes_of("{}"));
  pair.talk();
  const RequestHead head{.stream = id,
                         .method = "POST",
                         .path = "/machine/register",
                         .authority = "control.example.org",
                         .fields = {{.name = "content-length", .value = "2"}}};
  EXPECT_THAT(pair.server_events(),
              ElementsAre(Event{head}, Event{Body{id, bytes_of("{}")}}, Event{End{id}}));

  const Field type{.name = "content-type", .value = "application/json"};
  EXPECT_TRUE(pair.server.respond(id, 200, {type}, bytes_of("[1]")));
  pair.talk();
  const ResponseHead response{
      .stream = id, .status = 200, .fields = {type, {.name = "content-length", .value = "3"}}};
  EXPECT_THAT(pair.client_events(),
              ElementsAre(Event{response}, Event{Body{id, bytes_of("[1]")}}, Event{End{id}}));
  EXPECT_THAT(pair.server_events(), IsEmpty());
  EXPECT_EQ(pair.server.open_streams(), 0);
  EXPECT_EQ(pair.client.open_streams(), 0);
  EXPECT_FALSE(pair.server.respond(id, 200, {}, {}));  // gone
}

TEST(Http2Session, CarriesResponsesWithoutABody) {
  Pair pair;
  for (const std::uint16_t status : {std::uint16_t{200}, std::uint16_t{204}}) {
    const StreamId id = pair.request("GET", "/");
    pair.talk();
    EXPECT_TRUE(pair.server.respond(id, status, {}, {}));
    pair.talk();
    Fields fields;
    if (status == 200) fields.push_back({.name = "content-length", .value = "0"});
    EXPECT_THAT(pair.client_events(),
                ElementsAre(Event{ResponseHead{id, status, fields}}, Event{End{id}}));
  }
}

TEST(Http2Session, CarriesALargeRequest) {
  Pair pair;
  const Bytes body = large_body(100'000);
  const StreamId id = pair.request("POST", "/machine/map", body);
  pair.talk();
  const Events events = pair.server_events();
  EXPECT_EQ(body_of(events, id), body);
  EXPECT_EQ(events.back(), Event{End{id}});
}

TEST(Http2Session, StreamsAResponseInParts) {
  Pair pair;
  const StreamId id = pair.request("POST", "/machine/map", bytes_of("{}"));
  pair.talk();
  ASSERT_TRUE(pair.server.respond_open(id, 200, {}));
  EXPECT_FALSE(pair.server.respond_open(id, 200, {}));
  pair.talk();
  EXPECT_THAT(pair.client_events(), ElementsAre(Event{ResponseHead{id, 200, {}}}));

  for (const std::string_view part : {"first", "second", "third"}) {
    ASSERT_TRUE(pair.server.write(id, bytes_of(part)));
    EXPECT_EQ(pair.server.pending(id), part.size());
    pair.talk();
    EXPECT_EQ(pair.server.pending(id), 0);
    EXPECT_THAT(pair.client_events(), ElementsAre(Event{Body{id, bytes_of(part)}}));
  }
  ASSERT_TRUE(pair.server.write(id, bytes_of("fourth, ")));
  ASSERT_TRUE(pair.server.write(id, bytes_of("fifth")));
  ASSERT_TRUE(pair.server.end(id));
  EXPECT_FALSE(pair.server.write(id, bytes_of("too late")));
  pair.talk();
  EXPECT_THAT(pair.client_events(),
              ElementsAre(Event{Body{id, bytes_of("fourth, fifth")}}, Event{End{id}}));
  EXPECT_EQ(pair.server.open_streams(), 0);
}

TEST(Http2Session, EndsAnOpenResponseThatSaidNothing) {
  Pair pair;
  const StreamId id = pair.request("GET", "/");
  pair.talk();
  ASSERT_TRUE(pair.server.respond_open(id, 200, {}));
  pair.talk();
  ASSERT_TRUE(pair.server.end(id));
  pair.talk();
  EXPECT_THAT(pair.client_events(), ElementsAre(Event{ResponseHead{id, 200, {}}}, Event{End{id}}));
}

TEST(Http2Session, SplitsAtThePeersFrameSize) {
  Pair pair;
  const StreamId id = pair.request("GET", "/");
  pair.talk();
  ASSERT_TRUE(pair.server.respond(id, 200, {}, large_body(50'000)));
  Bytes wire;
  Events events;
  ASSERT_TRUE(pair.server.take_output(wire, 1 << 20, events));
  std::size_t longest = 0;
  for (ByteView rest = wire; !rest.empty();) {
    const std::size_t size = load_be<std::uint32_t>(rest.data()) >> 8;
    longest = std::max(longest, size);
    rest = rest.subspan(9 + size);
  }
  EXPECT_EQ(longest, 16'384);
}

TEST(Http2Session, GivesOutputInBoundedPieces) {
  Pair pair;
  const StreamId id = pair.request("GET", "/");
  pair.talk();
  ASSERT_TRUE(pair.server.respond(id, 200, {}, large_body(200'000)));
  Bytes wire;
  Events events;
  ASSERT_TRUE(pair.server.take_output(wire, 4096, events));
  EXPECT_GE(wire.size(), 4096);
  EXPECT_LE(wire.size(), 4096 + 16'384 + 9);
  EXPECT_TRUE(pair.server.wants_output());
  EXPECT_GT(pair.server.pending(id), 180'000);
}

TEST(Http2Session, StallsAtTheWindowOfAReaderAndGoesOnWhenItConsumes) {
  Limits client = kClientLimits;
  client.stream_window = 70'000;
  Pair pair({}, client);
  const StreamId id = pair.request("GET", "/");
  const StreamId other = pair.request("GET", "/other");
  pair.talk();
  const Bytes body = large_body(200'000);
  ASSERT_TRUE(pair.server.respond_open(id, 200, {}));
  ASSERT_TRUE(pair.server.write(id, body));
  pair.talk();
  EXPECT_EQ(pair.server.pending(id), body.size() - client.stream_window);
  EXPECT_FALSE(pair.server.wants_output());
  Bytes got = body_of(pair.client_events(), id);
  EXPECT_EQ(got.size(), client.stream_window);

  // One that reads nothing holds up nobody else.
  ASSERT_TRUE(pair.server.respond(other, 200, {}, bytes_of("quick")));
  pair.talk();
  EXPECT_EQ(body_of(pair.client_events(), other), bytes_of("quick"));

  while (got.size() < body.size()) {
    pair.client.consume(id, client.stream_window);
    pair.talk();
    const Bytes more = body_of(pair.client_events(), id);
    ASSERT_FALSE(more.empty());
    got.insert(got.end(), more.begin(), more.end());
  }
  EXPECT_EQ(got, body);
  EXPECT_EQ(pair.server.pending(id), 0);
}

TEST(Http2Session, KeepsTheConnectionsWindowWholeOverManyRequests) {
  Limits limits;
  limits.connection_window = 70'000;
  Pair pair(limits);
  for (int i = 0; i < 20; ++i) {  // nobody ever calls consume()
    const StreamId id = pair.request("POST", "/", large_body(50'000));
    pair.talk();
    EXPECT_EQ(body_of(pair.server_events(), id).size(), 50'000) << i;
    ASSERT_TRUE(pair.server.respond(id, 200, {}, {}));
    pair.talk();
  }
}

TEST(Http2Session, BoundsWhatLiesAboutOfIncompleteRequests) {
  Limits limits;
  limits.connection_window = 100'000;
  Pair pair(limits);
  const StreamId a = pair.request("POST", "/", large_body(90'000));
  const StreamId b = pair.request("POST", "/", large_body(90'000));
  const StreamId c = pair.request("POST", "/", large_body(90'000));
  std::size_t unread = 0;
  // Only what is complete makes room for more.
  for (int i = 0; i < 10; ++i) {
    pair.talk();
    for (const Event& event : pair.server_events()) {
      if (const auto* body = std::get_if<Body>(&event)) unread += body->bytes.size();
      if (std::holds_alternative<End>(event)) unread -= 90'000;
    }
    EXPECT_LE(unread, limits.connection_window);
  }
  EXPECT_EQ(unread, 0);
  for (const StreamId id : {a, b, c}) EXPECT_TRUE(pair.server.respond(id, 200, {}, {}));
}

TEST(Http2Session, TellsTheServerThatAClientCancelled) {
  Pair pair;
  const StreamId id = pair.request("POST", "/machine/map", bytes_of("{}"));
  pair.talk();
  ASSERT_TRUE(pair.server.respond_open(id, 200, {}));
  ASSERT_TRUE(pair.server.write(id, bytes_of("map")));
  pair.talk();
  pair.server_events();
  pair.client_events();
  pair.client.reset(id, Code::Cancel);
  pair.talk();
  EXPECT_THAT(pair.server_events(), ElementsAre(Event{Reset{id, Code::Cancel}}));
  EXPECT_THAT(pair.client_events(), IsEmpty());
  EXPECT_FALSE(pair.server.write(id, bytes_of("more")));
  EXPECT_EQ(pair.server.open_streams(), 0);
  EXPECT_EQ(pair.client.open_streams(), 0);
}

TEST(Http2Session, TellsTheClientThatAServerReset) {
  Pair pair;
  const StreamId id = pair.request("POST", "/machine/map", bytes_of("{}"));
  pair.talk();
  ASSERT_TRUE(pair.server.respond_open(id, 200, {}));
  pair.talk();
  pair.client_events();
  pair.server.reset(id, Code::InternalError);
  pair.talk();
  EXPECT_THAT(pair.client_events(), ElementsAre(Event{Reset{id, Code::InternalError}}));
}

TEST(Http2Session, CancelsARequestBeforeItWasSent) {
  Pair pair;
  const StreamId id = pair.request("GET", "/");
  pair.client.reset(id, Code::Cancel);
  const StreamId next = pair.request("GET", "/next");
  pair.talk();
  EXPECT_THAT(events_of<RequestHead>(pair.server_events()), SizeIs(1));
  ASSERT_TRUE(pair.server.respond(next, 200, {}, {}));
  pair.talk();
  EXPECT_THAT(events_of<End>(pair.client_events()), ElementsAre(End{next}));
}

TEST(Http2Session, AnswersEarlyAndRefusesTheRest) {
  Limits limits;
  limits.stream_window = 1000;
  Pair pair(limits);
  const StreamId id = pair.request("POST", "/machine/unknown", large_body(100'000));
  // The windows are known to the client from now on, and the body stalls.
  pair.talk();
  ASSERT_TRUE(pair.server.respond(id, 501, {}, bytes_of("no")));
  pair.talk();
  const Events events = pair.client_events();
  EXPECT_EQ(body_of(events, id), bytes_of("no"));
  EXPECT_THAT(events_of<End>(events), ElementsAre(End{id}));
  EXPECT_THAT(events_of<Reset>(events), IsEmpty());
  EXPECT_THAT(events_of<Reset>(pair.server_events()), IsEmpty());
  EXPECT_EQ(pair.client.open_streams(), 0);
  EXPECT_EQ(pair.server.open_streams(), 0);
}

TEST(Http2Session, AnswersPings) {
  Pair pair;
  pair.talk();
  pair.server.ping(7);
  pair.client.ping(8);
  pair.talk();
  EXPECT_THAT(pair.server_events(), ElementsAre(Event{PingAnswered{7}}));
  EXPECT_THAT(pair.client_events(), ElementsAre(Event{PingAnswered{8}}));
}

TEST(Http2Session, ShutsDownWhenTheOpenStreamsHaveEnded) {
  Pair pair;
  const StreamId id = pair.request("GET", "/");
  pair.talk();
  pair.server.shut_down();
  pair.talk();
  EXPECT_THAT(pair.client_events(), ElementsAre(Event{Goaway{Code::NoError}}));
  EXPECT_FALSE(pair.client.request({.method = "GET", .path = "/", .authority = "x"}));
  EXPECT_FALSE(pair.server.is_over());
  ASSERT_TRUE(pair.server.respond(id, 200, {}, bytes_of("last")));
  pair.talk();
  EXPECT_EQ(body_of(pair.client_events(), id), bytes_of("last"));
  EXPECT_TRUE(pair.server.is_over());
  EXPECT_TRUE(pair.client.is_over());
}

TEST(Http2Session, TakesTheHostForAMissingAuthority) {
  ServerSession server;
  ClientSession client;
  ASSERT_TRUE(client.request(
      {.method = "GET", .path = "/", .authority = "", .fields = {{.name = "host", .value = "h"}}}));
  Bytes wire;
  Events events;
  ASSERT_TRUE(client.take_output(wire, 1 << 20, events));
  ASSERT_TRUE(server.receive(wire, events));
  const auto heads = events_of<RequestHead>(events);
  ASSERT_THAT(heads, SizeIs(1));
  EXPECT_EQ(heads[0].authority, "h");
}

}  // namespace
}  // namespace warren::http2
