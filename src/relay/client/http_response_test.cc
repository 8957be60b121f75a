#include "relay/client/http_response.h"

#include <string>

#include <gtest/gtest.h>

#include "relay/client/constants.h"

namespace warren::relay::client {
namespace {

// What a stock relay answers without fast start (spec: paths section 2.1, item 4).
const std::string switching =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\nConnection: Upgrade\r\nDerp-Version: "
    "2\r\n"
    "Derp-Public-Key: 00\r\n\r\n";

TEST(HttpHead, TellsStatusAndSize) {
  const auto head = decode_http_head(as_bytes(switching + "DERP"));
  ASSERT_TRUE(head);
  EXPECT_EQ(*head, (HttpHead{.status = 101, .size = switching.size()}));
  EXPECT_EQ(decode_http_head(as_bytes("HTTP/1.0 404\r\n\r\n")).value()->status, 404);
}

TEST(HttpHead, WaitsForEveryTruncation) {
  for (std::size_t n = 0; n < switching.size(); ++n) {
    const auto head = decode_http_head(as_bytes(switching).first(n));
    ASSERT_TRUE(head) << n;
    EXPECT_FALSE(*head) << n;
  }
}

TEST(HttpHead, RejectsWhatIsNoResponse) {
  for (const char* const text :
       {"DERP", "HTTP/2 200\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1 20\r\n\r\n",
        "HTTP/1.1 2000\r\n\r\n", "HTTP/1.x 200\r\n\r\n", "HTTP/1.1\r\n200\r\n\r\n"}) {
    EXPECT_FALSE(decode_http_head(as_bytes(text))) << text;
  }
}

TEST(HttpHead, RejectsAHeadWithoutEnd) {
  std::string endless = "HTTP/1.1 200 OK\r\n";
  endless.append(kMaxHttpHead, 'x');
  EXPECT_EQ(decode_http_head(as_bytes(endless)).error(), DecodeError::BadLength);
}

}  // namespace
}  // namespace warren::relay::client
