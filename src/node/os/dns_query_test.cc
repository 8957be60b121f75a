#include "node/os/dns_query.h"

#include <array>
#include <functional>
#include <thread>

#include <poll.h>
#include <sys/socket.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/clock.h"
#include "io/event_fd.h"
#include "io/file_descriptor.h"
#include "io/socket_address.h"
#include "proto/dns/message.h"

namespace warren::node {
namespace {

using Message = std::vector<std::uint8_t>;
using Messages = std::vector<Message>;

constexpr std::uint16_t kId = 0x1234;

Message question(std::string_view name) {
  return dns::encode_query(kId, {.name = *dns::Name::parse(name), .type = dns::RecordType::A}, 0);
}

// A nameserver on the loopback; `answers` says what it sends back.
class Nameserver {
 public:
  explicit Nameserver(std::function<Messages(ByteView)> answers)
      : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), stop_(*io::EventFd::create()) {
    io::SocketAddress address;
    const socklen_t size =
        io::to_socket_address({.address = IpAddress::v4({127, 0, 0, 1}), .port = 0}, address);
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    WARREN_CHECK(bind(fd_.get(), raw, size) == 0);
    socklen_t length = sizeof address;
    WARREN_CHECK(getsockname(fd_.get(), raw, &length) == 0);
    endpoint = *io::from_socket_address({reinterpret_cast<std::uint8_t*>(&address), length});
    thread_ = std::thread([this, answer = std::move(answers)] { serve(answer); });
  }

  ~Nameserver() {
    stop_.signal();
    thread_.join();
  }

  Endpoint endpoint;

 private:
  void serve(const std::function<Messages(ByteView)>& answers) const {
    for (;;) {
      std::array<pollfd, 2> waits{{{.fd = fd_.get(), .events = POLLIN, .revents = 0},
                                   {.fd = stop_.fd(), .events = POLLIN, .revents = 0}}};
      poll(waits.data(), waits.size(), -1);
      if (waits[1].revents != 0) return;
      std::array<std::uint8_t, 512> buffer{};
      sockaddr_storage from{};
      socklen_t length = sizeof from;
      auto* const raw = reinterpret_cast<sockaddr*>(&from);
      const ssize_t size = recvfrom(fd_.get(), buffer.data(), buffer.size(), 0, raw, &length);
      if (size < 0) continue;
      for (const Message& each : answers(ByteView(buffer).first(static_cast<std::size_t>(size)))) {
        sendto(fd_.get(), each.data(), each.size(), 0, raw, length);
      }
    }
  }

  io::FileDescriptor fd_;
  io::EventFd stop_;
  std::thread thread_;
};

Message answer_to(ByteView query, dns::ResponseCode code) {
  dns::Answer answer{.code = code};
  if (code == dns::ResponseCode::NoError) {
    answer.answers.push_back({.ttl = 1, .data = IpAddress::v4({192, 0, 2, 1})});
  }
  return dns::encode_answer(*dns::decode_query(query), answer, dns::kMinUdpMessage);
}

TimePoint soon() {
  return io::boot_now() + 20s;
}

dns::ResponseCode code_of(const Result<Message>& answer) {
  return dns::decode_reply_head(*answer)->code;
}

TEST(DnsQuery, TakesTheFirstAnswerThatIsNoFailure) {
  const Nameserver broken(
      [](ByteView query) { return Messages{answer_to(query, dns::ResponseCode::ServFail)}; });
  const Nameserver good(
      [](ByteView query) { return Messages{answer_to(query, dns::ResponseCode::NoError)}; });
  const auto answer =
      ask_nameservers({broken.endpoint, good.endpoint}, question("a.example"), 0, soon());
  ASSERT_TRUE(answer) << answer.error().detail;
  EXPECT_EQ(code_of(answer), dns::ResponseCode::NoError);
}

TEST(DnsQuery, TellsTheFailureWhenAllFail) {
  const Nameserver broken(
      [](ByteView query) { return Messages{answer_to(query, dns::ResponseCode::Refused)}; });
  const auto answer = ask_nameservers({broken.endpoint}, question("a.example"), 0, soon());
  ASSERT_TRUE(answer) << answer.error().detail;
  EXPECT_EQ(code_of(answer), dns::ResponseCode::Refused);
}

TEST(DnsQuery, IgnoresAnswersToOtherQuestions) {
  const Nameserver liar([](ByteView query) {
    Message other_id = answer_to(query, dns::ResponseCode::NxDomain);
    dns::set_id(other_id, kId + 1);
    return Messages{other_id, answer_to(question("b.example"), dns::ResponseCode::NxDomain),
                    Message{1, 2, 3}, answer_to(query, dns::ResponseCode::NoError)};
  });
  const auto answer = ask_nameservers({liar.endpoint}, question("a.example"), 0, soon());
  ASSERT_TRUE(answer) << answer.error().detail;
  EXPECT_EQ(code_of(answer), dns::ResponseCode::NoError);
}

TEST(DnsQuery, EndsWhenNobodyAnswers) {
  const Nameserver silent([](ByteView) { return Messages(); });
  const auto answer =
      ask_nameservers({silent.endpoint}, question("a.example"), 0, io::boot_now() + 20ms);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::Timeout);
}

TEST(DnsQuery, NeedsANameserver) {
  EXPECT_FALSE(ask_nameservers({}, question("a.example"), 0, soon()));
}

}  // namespace
}  // namespace warren::node
