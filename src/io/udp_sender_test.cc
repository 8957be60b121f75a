#include "io/udp_sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/fake_udp_port.h"

namespace warren::io {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::Field;
using testing::SizeIs;

constexpr std::size_t kCount = 8;
constexpr std::uint32_t kSegment = 100;
constexpr std::uint32_t kSize = 250;  // three datagrams, the last shorter
constexpr TimePoint kStart{1h};

UdpPath path_to(std::size_t i, bool is_v6 = false) {
  const auto host = static_cast<std::uint8_t>(i);
  const IpAddress v6 = IpAddress::v6({0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host});
  const IpAddress v4 = IpAddress::v4({192, 0, 2, host});
  return {.remote = {is_v6 ? v6 : v4, 51820, is_v6 ? 7U : 0U}, .source = std::nullopt};
}

// kCount messages of three datagrams, each to a destination of its own; the first byte numbers
// them.
class UdpSenderTest : public testing::Test {
 protected:
  UdpSenderTest() {
    for (std::size_t i = 0; i < kCount; ++i) {
      data[i].fill(static_cast<std::uint8_t>(i));
      paths[i] = path_to(i);
      messages[i] = {
          .path = &paths[i], .data = data[i].data(), .size = kSize, .segment_size = kSegment};
    }
  }

  void send(TimePoint now = kStart) { sender.send(messages, now); }

  // How many bytes of each message arrived, in any number of pieces.
  std::array<std::size_t, kCount> arrived() const {
    std::array<std::size_t, kCount> out{};
    for (const SentMessage& message : port.sent)
      out[message.payload.at(0)] += message.payload.size();
    return out;
  }

  bool is_segmented(std::size_t i) const {
    return std::ranges::any_of(port.sent, [&](const SentMessage& message) {
      return message.payload[0] == i && message.segment_size.has_value();
    });
  }

  static bool is_to(const SentMessage& message, std::size_t i) {
    return message.to == path_to(i).remote;
  }

  void add_sources() {
    for (UdpPath& path : paths) path.source = kSource;
  }

  static constexpr LocalAddress kSource{IpAddress::v4({198, 51, 100, 1}), 3};

  std::array<std::array<std::uint8_t, kSize>, kCount> data;
  std::array<UdpPath, kCount> paths;
  std::array<OutMessage, kCount> messages;
  FakeUdpPort port;
  UdpSender sender{{.v4 = &port}, true};
};

TEST_F(UdpSenderTest, SendsABatchInOneCallWithItsSegmentSize) {
  send();
  EXPECT_EQ(port.calls, 1);
  ASSERT_THAT(port.sent, SizeIs(kCount));
  for (std::size_t i = 0; i < kCount; ++i) {
    EXPECT_EQ(port.sent[i].to, paths[i].remote);
    EXPECT_EQ(port.sent[i].segment_size, kSegment);
    EXPECT_EQ(port.sent[i].payload, std::vector<std::uint8_t>(kSize, static_cast<std::uint8_t>(i)));
    EXPECT_EQ(port.sent[i].source, std::nullopt);
    EXPECT_EQ(port.sent[i].tos, std::nullopt);
    EXPECT_EQ(messages[i].error, 0);
  }
  EXPECT_EQ(sender.stats().datagrams, 3 * kCount);
  EXPECT_EQ(sender.stats().messages, kCount);
}

TEST_F(UdpSenderTest, SendsALoneDatagramWithoutSegmentSize) {
  for (OutMessage& message : messages) message.size = kSegment;
  messages[0].segment_size = 0;
  messages[1].size = 0;
  send();
  EXPECT_THAT(port.sent, SizeIs(kCount));
  EXPECT_THAT(port.sent, Each(Field(&SentMessage::segment_size, std::nullopt)));
}

TEST_F(UdpSenderTest, SendsSourceAndTosOfBothFamilies) {
  FakeUdpPort port6;
  UdpSender both({.v4 = &port, .v6 = &port6}, true);
  add_sources();
  paths[1] = path_to(1, true);
  paths[1].source = LocalAddress{IpAddress::v6({0xfd}), 4};
  paths[2] = path_to(2, true);
  paths[2].source = kSource;  // of the other family: left out
  for (OutMessage& message : messages) message.tos = 0xb9;
  both.send(messages, kStart);
  ASSERT_THAT(port6.sent, SizeIs(2));
  EXPECT_EQ(port6.sent[0].to, paths[1].remote);  // with its scope
  EXPECT_EQ(port6.sent[0].source, paths[1].source);
  EXPECT_EQ(port6.sent[0].tos, 0xb9);
  EXPECT_EQ(port6.sent[0].segment_size, kSegment);
  EXPECT_EQ(port6.sent[1].source, std::nullopt);
  ASSERT_THAT(port.sent, SizeIs(kCount - 2));
  EXPECT_EQ(port.sent[0].source, kSource);
  EXPECT_EQ(port.sent[0].tos, 0xb9);
}

TEST_F(UdpSenderTest, LosesOnlyMessagesOfAFamilyWithoutSocket) {
  paths[3] = path_to(3, true);
  send();
  EXPECT_EQ(messages[3].error, EAFNOSUPPORT);
  EXPECT_EQ(sender.stats().send_errors, 3U);
  EXPECT_THAT(port.sent, SizeIs(kCount - 1));
}

TEST_F(UdpSenderTest, SplitsMessagesBeyondTheKernelsLimits) {
  std::vector<std::uint8_t> large(100'000, 0);
  messages[0].data = large.data();
  messages[0].size = static_cast<std::uint32_t>(large.size());
  messages[0].segment_size = 1452;
  messages[1].data = large.data();
  messages[1].size = 1000;
  messages[1].segment_size = 10;
  sender.send(std::span(messages).first(2), kStart);
  ASSERT_THAT(port.sent, SizeIs(4));
  EXPECT_EQ(port.sent[0].payload.size(), 45U * 1452U);
  EXPECT_EQ(port.sent[1].payload.size(), 100'000U - 45U * 1452U);
  EXPECT_EQ(port.sent[2].payload.size(), 640U);
  EXPECT_EQ(port.sent[3].payload.size(), 360U);
}

TEST_F(UdpSenderTest, LosesOnlyTheMessageThatFailsAtEveryPositionWithEveryError) {
  // data-plane section 3.3, and one that no table knows.
  for (const int error : {EINVAL, EMSGSIZE, ENOBUFS, EAGAIN, EADDRNOTAVAIL, ENETUNREACH,
                          EHOSTUNREACH, EPERM, ECONNREFUSED, ENODEV, EXDEV}) {
    for (std::size_t bad = 0; bad < kCount; ++bad) {
      SCOPED_TRACE(testing::Message() << "error " << error << " at " << bad);
      FakeUdpPort fresh;
      fresh.refuse = [&](const SentMessage& message) { return is_to(message, bad) ? error : 0; };
      UdpSender failing({.v4 = &fresh}, true);
      failing.send(messages, kStart);
      ASSERT_THAT(fresh.sent, SizeIs(kCount - 1));
      for (std::size_t i = 0; i < kCount; ++i) {
        EXPECT_EQ(messages[i].error, i == bad ? error : 0);
        if (i != bad) EXPECT_EQ(fresh.sent[i < bad ? i : i - 1].payload.at(0), i);
      }
      const UdpSenderStats& stats = failing.stats();
      EXPECT_TRUE(stats.gso_enabled);
      EXPECT_EQ(stats.datagrams, 3 * (kCount - 1));
      EXPECT_EQ(stats.send_buffer, error == EAGAIN || error == ENOBUFS ? 3U : 0U);
      EXPECT_EQ(stats.forbidden, error == EPERM ? 3U : 0U);
      EXPECT_EQ(stats.send_buffer + stats.forbidden + stats.send_errors, 3U);
    }
  }
}

TEST_F(UdpSenderTest, TurnsSegmentationOffForAllOnEioAtEveryPosition) {
  for (std::size_t bad = 0; bad < kCount; ++bad) {
    SCOPED_TRACE(bad);
    FakeUdpPort fresh;
    fresh.refuse = [&](const SentMessage& message) {
      return is_to(message, bad) && message.segment_size ? EIO : 0;
    };
    UdpSender failing({.v4 = &fresh}, true);
    failing.send(messages, kStart);
    for (const OutMessage& message : messages) EXPECT_EQ(message.error, 0);
    ASSERT_THAT(fresh.sent, SizeIs(bad + 3 * (kCount - bad)));
    for (std::size_t i = 0; i < fresh.sent.size(); ++i) {
      EXPECT_EQ(fresh.sent[i].segment_size.has_value(), i < bad);
    }
    EXPECT_FALSE(failing.stats().gso_enabled);
    EXPECT_EQ(failing.stats().gso_retries, 1U);

    fresh.sent.clear();
    failing.send(messages, kStart + 24h);
    EXPECT_THAT(fresh.sent, Each(Field(&SentMessage::segment_size, std::nullopt)));
    failing.on_network_change();
    EXPECT_TRUE(failing.stats().gso_enabled);
  }
}

TEST_F(UdpSenderTest, LosesADatagramOnEioWithoutSegmentation) {
  messages[2].size = kSegment;
  port.refuse = [](const SentMessage& message) { return is_to(message, 2) ? EIO : 0; };
  send();
  EXPECT_EQ(messages[2].error, EIO);
  EXPECT_TRUE(sender.stats().gso_enabled);
  EXPECT_EQ(sender.stats().send_errors, 1U);
}

TEST_F(UdpSenderTest, KeepsADestinationPlainForTenMinutes) {
  for (const int error : {EINVAL, EMSGSIZE}) {
    SCOPED_TRACE(error);
    sender.on_network_change();
    port.refuse = [&](const SentMessage& message) {
      return is_to(message, 4) && message.segment_size ? error : 0;
    };
    const std::uint64_t retries = sender.stats().gso_retries;
    port.sent.clear();
    send();
    EXPECT_THAT(arrived(), Each(kSize));
    EXPECT_EQ(messages[4].error, 0);
    EXPECT_TRUE(is_segmented(3));
    EXPECT_TRUE(is_segmented(5));
    EXPECT_TRUE(sender.stats().gso_enabled);
    EXPECT_EQ(sender.stats().gso_retries, retries + 1);

    port.refuse = [](const SentMessage&) { return 0; };
    port.sent.clear();
    send(kStart + UdpSender::kPlainFor - 1ns);
    EXPECT_FALSE(is_segmented(4));
    EXPECT_TRUE(is_segmented(5));
    port.sent.clear();
    send(kStart + UdpSender::kPlainFor);
    EXPECT_TRUE(is_segmented(4));
  }
}

TEST_F(UdpSenderTest, RefusesOnceWhenSeveralMessagesGoToAPlainDestination) {
  for (OutMessage& message : messages) message.path = &paths[0];
  port.refuse = [](const SentMessage& message) { return message.segment_size ? EMSGSIZE : 0; };
  send();
  EXPECT_THAT(arrived(), Each(kSize));
  EXPECT_EQ(sender.stats().gso_retries, 1U);
}

TEST_F(UdpSenderTest, DoesNotBlameSegmentationWhenPlainDatagramsFailToo) {
  port.refuse = [](const SentMessage& message) {
    return is_to(message, 4) && message.payload.size() >= kSegment ? EMSGSIZE : 0;
  };
  send();
  EXPECT_EQ(messages[4].error, EMSGSIZE);
  EXPECT_EQ(sender.stats().send_errors, 2U);  // the short last datagram passes
  port.refuse = [](const SentMessage&) { return 0; };
  port.sent.clear();
  send();
  EXPECT_TRUE(is_segmented(4));
}

TEST_F(UdpSenderTest, ForgetsTheOldestPlainDestinationWhenAllPlacesAreTaken) {
  port.refuse = [](const SentMessage& message) { return message.segment_size ? EINVAL : 0; };
  for (std::size_t i = 0; i <= UdpSender::kPlainDestinations; ++i) {
    paths[0] = path_to(i);
    sender.send(std::span(messages).first(1), kStart + std::chrono::seconds(i));
  }
  port.refuse = [](const SentMessage&) { return 0; };
  port.sent.clear();
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}, UdpSender::kPlainDestinations}) {
    paths[0] = path_to(i);
    sender.send(std::span(messages).first(1), kStart + 2min);
  }
  EXPECT_THAT(port.sent, SizeIs(1 + 3 + 3));
  EXPECT_TRUE(port.sent[0].segment_size);
}

TEST_F(UdpSenderTest, LeavesOutARefusedSource) {
  for (const int error : {EADDRNOTAVAIL, ENETUNREACH, EHOSTUNREACH, EINVAL, ENODEV}) {
    SCOPED_TRACE(error);
    port.refuse = [&](const SentMessage& message) {
      return is_to(message, 5) && message.source ? error : 0;
    };
    port.sent.clear();
    add_sources();
    send();
    ASSERT_THAT(port.sent, SizeIs(kCount));
    for (std::size_t i = 0; i < kCount; ++i) {
      EXPECT_EQ(messages[i].error, 0);
      EXPECT_EQ(messages[i].source_refused, i == 5);
      EXPECT_EQ(port.sent[i].source.has_value(), i != 5);
      EXPECT_TRUE(port.sent[i].segment_size);
    }
  }
  EXPECT_EQ(sender.stats().sources_refused, 5U);
}

TEST_F(UdpSenderTest, RestoresTheSourceWhenSegmentationWasAtFault) {
  add_sources();
  port.refuse = [](const SentMessage& message) {
    return is_to(message, 5) && message.segment_size ? EINVAL : 0;
  };
  send();
  EXPECT_THAT(arrived(), Each(kSize));
  EXPECT_THAT(port.sent, Each(Field(&SentMessage::source, kSource)));
  EXPECT_FALSE(messages[5].source_refused);
}

TEST_F(UdpSenderTest, SendsAgainOnceTheSendBufferHasRoom) {
  int refusals = 0;
  port.refuse = [&](const SentMessage& message) {
    return is_to(message, 2) && refusals++ == 0 ? EAGAIN : 0;
  };
  send();
  EXPECT_THAT(arrived(), Each(kSize));
  EXPECT_EQ(sender.stats().send_buffer, 0U);
}

TEST_F(UdpSenderTest, DropsFromTheHeadWhenTheSendBufferStaysFull) {
  port.fill_up();
  int room = 2;
  port.refuse = [&](const SentMessage& message) {
    if (is_to(message, 0) || is_to(message, 1)) return EAGAIN;
    return room-- > 0 ? 0 : EAGAIN;
  };
  send();
  EXPECT_THAT(arrived(), ElementsAre(0, 0, kSize, kSize, 0, 0, 0, 0));
  EXPECT_EQ(messages[0].error, EAGAIN);
  EXPECT_EQ(messages[2].error, 0);
  EXPECT_EQ(sender.stats().send_buffer, 3 * (kCount - 2));
}

TEST_F(UdpSenderTest, GoesOnAfterAShortCountWithoutError) {
  std::vector<OutMessage> many(200);
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = messages[i % kCount];
  int seen = 0;
  port.refuse = [&](const SentMessage&) { return ++seen % 7 == 0 ? ENOBUFS : 0; };
  sender.send(many, kStart);
  const UdpSenderStats& stats = sender.stats();
  // A message at which a call ends early is offered again and then passes.
  EXPECT_EQ(stats.datagrams + stats.send_buffer, 600U);
  EXPECT_EQ(stats.datagrams, 3 * port.sent.size());
}

}  // namespace
}  // namespace warren::io
