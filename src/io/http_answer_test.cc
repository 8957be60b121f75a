#include "io/http_answer.h"

#include <gtest/gtest.h>

#include "io/http_request.h"

namespace warren::io {
namespace {

constexpr std::string_view kUpgraded =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: tailscale-control-protocol\r\n"
    "Connection: upgrade\r\n\r\n";
constexpr std::size_t kMaxBody = 16;

Result<std::optional<HttpAnswer>, DecodeError> whole(std::string_view text,
                                                     MoreToCome more = MoreToCome::Yes) {
  return parse_http_answer(as_bytes(text), more, kMaxBody);
}

TEST(HttpAnswer, ReadsAHeadAndLeavesWhatFollows) {
  const std::string bytes = std::string(kUpgraded) + std::string("\x02\x00\x30", 3);
  const auto head = parse_http_answer_head(as_bytes(bytes));
  ASSERT_TRUE(head && *head);
  EXPECT_EQ((*head)->size, kUpgraded.size());
  EXPECT_EQ((*head)->answer.status, 101);
  ASSERT_NE((*head)->answer.find("upgrade"), nullptr);
  EXPECT_EQ(*(*head)->answer.find("UPGRADE"), "tailscale-control-protocol");
  EXPECT_EQ((*head)->answer.find("server"), nullptr);
  for (std::size_t size = 0; size < kUpgraded.size(); ++size) {
    const auto part = parse_http_answer_head(as_bytes(kUpgraded.substr(0, size)));
    ASSERT_TRUE(part) << size;
    EXPECT_FALSE(*part) << size;
  }
}

TEST(HttpAnswer, ReadsBodiesOfEveryForm) {
  const std::string_view complete[] = {
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
      "HTTP/1.0 200 OK\r\n\r\nhello",  // up to the end
  };
  for (const std::string_view text : complete) {
    SCOPED_TRACE(text);
    const bool to_the_end = text.contains("HTTP/1.0");
    const auto answer = whole(text, to_the_end ? MoreToCome::No : MoreToCome::Yes);
    ASSERT_TRUE(answer && *answer);
    EXPECT_EQ((*answer)->status, 200);
    EXPECT_EQ((*answer)->body, "hello");
    for (std::size_t size = 0; size < text.size(); ++size) {
      const auto part = whole(text.substr(0, size));
      ASSERT_TRUE(part) << size;
      EXPECT_FALSE(*part) << size;
      if (!to_the_end) EXPECT_FALSE(whole(text.substr(0, size), MoreToCome::No)) << size;
    }
  }
}

TEST(HttpAnswer, RefusesWhatIsNoAnswerOrTooLong) {
  const std::string_view bad[] = {"SSH-2.0-OpenSSH_9.2\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
                                  "HTTP/2 200\r\n\r\n", "\x15\x03\x01\x01\x02\x02\x0a\r\n\r\n"};
  for (const std::string_view text : bad) {
    SCOPED_TRACE(text);
    EXPECT_FALSE(parse_http_answer_head(as_bytes(text)));
    EXPECT_FALSE(whole(text));
  }
  EXPECT_FALSE(parse_http_answer_head(
      as_bytes("HTTP/1.1 200 OK\r\na: " + std::string(kMaxHttpHead, 'a') + "\r\n\r\n")));
  EXPECT_FALSE(whole("HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n"));
  EXPECT_FALSE(whole("HTTP/1.1 200 OK\r\n\r\n" + std::string(17, 'a'), MoreToCome::No));
}

}  // namespace
}  // namespace warren::io
