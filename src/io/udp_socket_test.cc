#include "io/udp_socket.h"

#include <cerrno>

#include <poll.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/address.h"
#include "io/link.h"
#include "io/test_namespace.h"
#include "io/tun_device.h"
#include "io/udp_receiver.h"
#include "io/udp_sender.h"
#include "io/udp_socket_pair.h"

namespace warren::io {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

constexpr IpAddress kLoopback4 = IpAddress::v4({127, 0, 0, 1});
constexpr IpAddress kLoopback6 = IpAddress::v6({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});

// What has arrived, waiting for the first of it.
std::span<InMessage> receive(UdpReceiver& receiver, UdpPort& port) {
  pollfd ready{.fd = port.fd(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&ready, 1, 5000), 1);
  int error = 0;
  const auto out = receiver.receive(port, error);
  EXPECT_EQ(error, 0);
  return out;
}

TEST(UdpSocketPair, TakesOneFreePortInBothFamilies) {
  const auto pair = bind_udp_pair({}).value();
  EXPECT_NE(pair.port, 0);
  EXPECT_EQ(pair.v4->facts().port, pair.port);
  if (pair.v6 == nullptr) GTEST_SKIP() << pair.note;
  EXPECT_EQ(pair.v6->facts().port, pair.port);
  EXPECT_EQ(pair.note, "");
}

TEST(UdpSocketPair, SaysWhatToDoWhenThePortIsTakenInOneFamily) {
  const auto v6_only = UdpSocket::bind(AddressFamily::V6, {});
  if (!v6_only) GTEST_SKIP() << v6_only.error().detail;
  const auto failed = bind_udp_pair({.port = (*v6_only)->facts().port});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Errc::AlreadyExists);
  EXPECT_THAT(failed.error().detail, HasSubstr("choose another port"));
}

TEST(UdpSocket, TellsWhatTheKernelGranted) {
  const auto socket = UdpSocket::bind(AddressFamily::V4, {}).value();
  EXPECT_GT(socket->facts().receive_buffer, 0);
  EXPECT_GT(socket->facts().send_buffer, 0);
  EXPECT_TRUE(socket->facts().gro);  // Linux 5.0
  EXPECT_FALSE(UdpSocket::bind(AddressFamily::V4, {.use_gro = false}).value()->facts().gro);
}

// One segmented message out, one merged buffer in, with addresses and ToS, in both families.
TEST(UdpSocket, SegmentsMergesAndTellsWhereFromAndTo) {
  const auto sockets = bind_udp_pair({}).value();
  UdpSender sender(sockets.ports(), true);
  UdpReceiver receiver;
  for (const IpAddress& loopback : {kLoopback4, kLoopback6}) {
    UdpSocket* const socket = loopback.is_v6() ? sockets.v6.get() : sockets.v4.get();
    if (socket == nullptr) continue;
    SCOPED_TRACE(loopback.to_string());
    std::vector<std::uint8_t> data(3 * 1200 + 1);
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::uint8_t>(i / 1200);
    const UdpPath path{.remote = {loopback, sockets.port}, .source = LocalAddress{loopback, 1}};
    OutMessage out{.path = &path,
                   .data = data.data(),
                   .size = static_cast<std::uint32_t>(data.size()),
                   .segment_size = 1200,
                   .tos = 0xb9};  // EF, ECT(1)
    sender.send({&out, 1}, TimePoint{});
    if (out.error == EADDRNOTAVAIL && loopback.is_v6()) continue;  // no IPv6 on loopback
    ASSERT_EQ(out.error, 0);
    EXPECT_FALSE(out.source_refused);

    const auto got = receive(receiver, *socket);
    ASSERT_THAT(got, SizeIs(1));
    EXPECT_EQ(got[0].segment_size, 1200U);
    EXPECT_EQ(std::vector<std::uint8_t>(got[0].data, got[0].data + got[0].size), data);
    EXPECT_EQ(got[0].from.remote, path.remote);
    EXPECT_EQ(got[0].from.source, path.source);
    EXPECT_EQ(got[0].tos, 0xb9);
  }
  EXPECT_EQ(sender.stats().gso_retries, 0U);
}

TEST(UdpSocket, CarriesSixtyFourSegmentsAndALoneDatagram) {
  const auto sockets = bind_udp_pair({}).value();
  UdpSender sender(sockets.ports(), true);
  UdpReceiver receiver;
  std::vector<std::uint8_t> data(64'000, 1);
  const UdpPath path{.remote = {kLoopback4, sockets.port}, .source = std::nullopt};
  OutMessage out[] = {{.path = &path, .data = data.data(), .size = 64'000, .segment_size = 1000},
                      {.path = &path, .data = data.data(), .size = 1000, .segment_size = 1000}};
  sender.send(out, TimePoint{});
  const auto got = receive(receiver, *sockets.v4);
  ASSERT_THAT(got, SizeIs(2));
  EXPECT_EQ(got[0].size, 64'000U);
  EXPECT_EQ(got[0].segment_size, 1000U);
  EXPECT_EQ(got[1].segment_size, 1000U);
  EXPECT_EQ(sender.stats().messages, 2U);
}

TEST(UdpSocket, CountsWhatItsBufferCouldNotHold) {
  const auto sockets = bind_udp_pair({}).value();
  int small = 4096;
  ASSERT_EQ(setsockopt(sockets.v4->fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
  UdpSender sender(sockets.ports(), false);
  UdpReceiver receiver;
  std::vector<std::uint8_t> data(1000, 1);
  const UdpPath path{.remote = {kLoopback4, sockets.port}, .source = std::nullopt};
  OutMessage out{.path = &path, .data = data.data(), .size = 1000, .segment_size = 1000};
  for (int i = 0; i < 100; ++i) sender.send({&out, 1}, TimePoint{});
  std::size_t arrived = 0;
  int error = 0;
  for (std::size_t got = 1; got != 0; arrived += got) {
    got = receiver.receive(*sockets.v4, error).size();
  }
  // The number travels with the next datagram.
  sender.send({&out, 1}, TimePoint{});
  ASSERT_THAT(receive(receiver, *sockets.v4), SizeIs(1));
  EXPECT_EQ(receiver.overflowed(), 100 - arrived);
  EXPECT_GT(receiver.overflowed(), 0U);
}

// What only a namespace of the test's own can show.
class UdpSocketNamespaceTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto entered = enter_test_namespace();
    if (!entered && entered.error().code == Errc::PermissionDenied) {
      GTEST_SKIP() << entered.error().detail;
    }
    ASSERT_TRUE(entered) << entered.error().detail;
    device = TunDevice::open("warren0").value();
    Netlink netlink = Netlink::open().value();
    ASSERT_TRUE(set_link_state(netlink, device->index(), LinkState::Up));
    ASSERT_TRUE(set_link_mtu(netlink, device->index(), 1400));
    ASSERT_TRUE(add_address(netlink, {device->index(), IpAddress::v4({100, 64, 0, 1}), 24}));
    ASSERT_TRUE(add_address(netlink, {device->index(), IpAddress::parse("fd7a::1").value(), 64}));
    sockets = bind_udp_pair({}).value();
    sender = std::make_unique<UdpSender>(sockets.ports(), true);
  }

  // One message of three datagrams of this size.
  OutMessage send(const UdpPath& path, std::uint16_t segment) {
    const std::vector<std::uint8_t> data(std::size_t{3} * segment, 1);
    OutMessage out{.path = &path,
                   .data = data.data(),
                   .size = static_cast<std::uint32_t>(data.size()),
                   .segment_size = segment};
    sender->send({&out, 1}, TimePoint{});
    return out;
  }

  std::unique_ptr<TunDevice> device;
  UdpSocketPair sockets;
  std::unique_ptr<UdpSender> sender;
};

TEST_F(UdpSocketNamespaceTest, SendsWithoutASourceThatIsGone) {
  const Endpoint remotes[] = {{IpAddress::v4({100, 64, 0, 2}), 4000},
                              {IpAddress::parse("fd7a::2").value(), 4000}};
  const IpAddress strangers[] = {IpAddress::v4({100, 64, 9, 9}),
                                 IpAddress::parse("fd7a::99").value()};
  for (std::size_t i = 0; i < 2; ++i) {
    SCOPED_TRACE(remotes[i].to_string());
    // An address that is not ours, and an interface that does not exist.
    for (const LocalAddress& source :
         {LocalAddress{strangers[i], device->index()}, LocalAddress{strangers[i], 0},
          LocalAddress{IpAddress::unspecified(i == 1), 4711}}) {
      const UdpPath path{.remote = remotes[i], .source = source};
      const OutMessage out = send(path, 1000);
      EXPECT_EQ(out.error, 0);
      EXPECT_TRUE(out.source_refused);
    }
  }
  EXPECT_EQ(sender->stats().gso_retries, 0U);
  EXPECT_EQ(sender->stats().messages, 6U);
}

TEST_F(UdpSocketNamespaceTest, SendsPlainlyWhereSegmentsExceedTheRoute) {
  // IPv6 keeps the kernel's path MTU (data-plane section 3.4), so 1,500 bytes do not fit in 1,400.
  const UdpPath path{.remote = {IpAddress::parse("fd7a::2").value(), 4000}, .source = std::nullopt};
  EXPECT_EQ(send(path, 1500).error, 0);
  EXPECT_EQ(sender->stats().gso_retries, 1U);
  EXPECT_EQ(sender->stats().messages, 3U);
  EXPECT_EQ(send(path, 1000).error, 0);
  EXPECT_EQ(sender->stats().messages, 6U);  // still plain
}

TEST_F(UdpSocketNamespaceTest, ReportsAMissingRoute) {
  const UdpPath path{.remote = {IpAddress::v4({203, 0, 113, 1}), 4000}, .source = std::nullopt};
  EXPECT_EQ(send(path, 1000).error, ENETUNREACH);
  EXPECT_EQ(sender->stats().send_errors, 3U);
}

TEST_F(UdpSocketNamespaceTest, MarksItsPackets) {
  EXPECT_TRUE(bind_udp_pair({.mark = 0x80000}));
  EXPECT_TRUE(sockets.v4->set_mark(1));
  std::uint32_t mark = 0;
  socklen_t size = sizeof mark;
  EXPECT_EQ(getsockopt(sockets.v4->fd(), SOL_SOCKET, SO_MARK, &mark, &size), 0);
  EXPECT_EQ(mark, 1U);
}

}  // namespace
}  // namespace warren::io
