#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/testing.h"
#include "io/http2/session.h"
#include "io/http2/testing.h"

// Stock software against our sessions: testdata/recorded.txt.
namespace warren::http2 {
namespace {

using testing::SizeIs;

std::vector<Bytes> recorded(std::string_view direction) {
  std::vector<Bytes> out;
  for (const auto& row : read_vectors(WARREN_SOURCE_DIR "/src/io/http2/testdata/recorded.txt")) {
    if (row[0] == direction) out.push_back(from_hex(row[1]));
  }
  return out;
}

// The responses of a server that answers each request at once, so that the client's window updates
// make sense.
void expect_requests(ServerSession& server, const Events& events) {
  const auto heads = events_of<RequestHead>(events);
  ASSERT_THAT(heads, SizeIs(7));
  const std::string_view sizes[] = {"979", "769", "766", "853", "1152", "1177", "1152"};
  for (std::size_t i = 0; i < heads.size(); ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(heads[i].stream.value, static_cast<std::int32_t>(2 * i + 1));
    EXPECT_EQ(heads[i].method, "POST");
    EXPECT_EQ(heads[i].path, i == 0 ? "/machine/register" : "/machine/map");
    EXPECT_EQ(heads[i].authority, "control.example.org");
    ASSERT_NE(find(heads[i].fields, "ts-lb"), nullptr);
    EXPECT_EQ(*find(heads[i].fields, "content-length"), sizes[i]);
    const Bytes body = body_of(events, heads[i].stream);
    EXPECT_EQ(std::to_string(body.size()), sizes[i]);
    EXPECT_TRUE(as_text(body).starts_with(R"({"Version":142,)"));
  }
  EXPECT_THAT(events_of<End>(events), SizeIs(7));
  EXPECT_EQ(server.open_streams(), 7);
}

TEST(Http2Recorded, ServesAStockClientHoweverItsBytesAreCut) {
  const std::vector<Bytes> writes = recorded("c2s");
  ASSERT_THAT(writes, SizeIs(21));
  {
    ServerSession server;
    Events events;
    for (const Bytes& write : writes) ASSERT_TRUE(server.receive(write, events));
    expect_requests(server, events);
    // The stock client's window is 4 MiB and its frame size 16384: a map of 1 MB goes out at once.
    ASSERT_TRUE(server.respond_open({5}, 200, {}));
    ASSERT_TRUE(server.write({5}, Bytes(1'000'000)));
    Bytes out;
    ASSERT_TRUE(server.take_output(out, 2'000'000, events));
    EXPECT_EQ(server.pending({5}), 0);
  }
  ServerSession server;
  Events events;
  for (const Bytes& write : writes) {
    for (const std::uint8_t byte : write) ASSERT_TRUE(server.receive(ByteView(&byte, 1), events));
  }
  expect_requests(server, events);
}

TEST(Http2Recorded, UnderstandsAStockServer) {
  ClientSession client;
  Events events;
  Bytes sent;
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(client.request({.method = "POST", .path = "/machine/map", .authority = "x"}));
  }
  ASSERT_TRUE(client.take_output(sent, 1 << 20, events));
  for (const Bytes& write : recorded("s2c")) ASSERT_TRUE(client.receive(write, events));
  const auto heads = events_of<ResponseHead>(events);
  ASSERT_THAT(heads, SizeIs(3));
  for (const auto& head : heads) EXPECT_EQ(head.status, 200);
  EXPECT_EQ(*find(heads[0].fields, "content-type"), "application/json; charset=utf-8");
  EXPECT_TRUE(as_text(body_of(events, {1})).starts_with(R"({"User":)"));
  EXPECT_EQ(body_of(events, {1}).size(), 264);
  EXPECT_EQ(body_of(events, {5}).size(), 1409 + 796 + 65);  // the map stream
  EXPECT_EQ(events_of<End>(events), (std::vector<End>{{{1}}, {{3}}}));
}

}  // namespace
}  // namespace warren::http2
