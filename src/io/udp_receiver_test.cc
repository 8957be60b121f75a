#include "io/udp_receiver.h"

#include <cerrno>

#include <netinet/in.h>
#include <netinet/udp.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/control_messages.h"
#include "io/socket_address.h"

namespace warren::io {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

struct Arrival {
  Endpoint from;
  std::vector<std::uint8_t> payload;
  std::vector<std::uint8_t> control;
  int flags = 0;
};

// Hands out one list of arrivals a call; checks that the slots are ready for the kernel each time.
class ScriptedPort final : public UdpPort {
 public:
  std::vector<std::vector<Arrival>> script;
  int error = EAGAIN;

  int fd() const override { return -1; }

  int send(std::span<mmsghdr> /*messages*/) override { return -EIO; }

  int receive(std::span<mmsghdr> slots) override {
    for (const mmsghdr& slot : slots) {
      EXPECT_EQ(slot.msg_hdr.msg_controllen, kReceiveControlSize);
      EXPECT_GE(slot.msg_hdr.msg_namelen, sizeof(sockaddr_in6));
      EXPECT_EQ(slot.msg_hdr.msg_iov->iov_len, UdpReceiver::kSlotSize);
    }
    if (next_ == script.size()) return -error;
    const auto& arrivals = script[next_++];
    for (std::size_t i = 0; i < arrivals.size(); ++i) deliver(arrivals[i], slots[i]);
    return static_cast<int>(arrivals.size());
  }

 private:
  static void deliver(const Arrival& arrival, mmsghdr& slot) {
    msghdr& header = slot.msg_hdr;
    header.msg_namelen =
        to_socket_address(arrival.from, *static_cast<SocketAddress*>(header.msg_name));
    std::ranges::copy(arrival.payload, static_cast<std::uint8_t*>(header.msg_iov->iov_base));
    std::ranges::copy(arrival.control, static_cast<std::uint8_t*>(header.msg_control));
    header.msg_controllen = arrival.control.size();
    header.msg_flags = arrival.flags;
    slot.msg_len = static_cast<unsigned>(arrival.payload.size());
  }

  std::size_t next_ = 0;
};

std::vector<std::uint8_t> control(int level, int type, std::uint32_t value) {
  std::vector<std::uint8_t> out(CMSG_SPACE(sizeof value));
  const cmsghdr header{.cmsg_len = CMSG_LEN(sizeof value), .cmsg_level = level, .cmsg_type = type};
  std::memcpy(out.data(), &header, sizeof header);
  std::memcpy(out.data() + sizeof header, &value, sizeof value);
  return out;
}

constexpr Endpoint kRemote{IpAddress::v4({192, 0, 2, 9}), 4000};
constexpr Endpoint kRemote6{
    IpAddress::v6({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9}), 4000};

class UdpReceiverTest : public testing::Test {
 protected:
  std::span<InMessage> receive() { return receiver.receive(port, error); }

  ScriptedPort port;
  UdpReceiver receiver;
  int error = -1;
};

TEST_F(UdpReceiverTest, TellsSegmentSizeRemoteAndPayload) {
  port.script = {{{kRemote, std::vector<std::uint8_t>(250, 7), control(SOL_UDP, UDP_GRO, 100)},
                  {kRemote6, {1, 2, 3}, control(SOL_IPV6, IPV6_TCLASS, 3)}}};
  const auto got = receive();
  ASSERT_THAT(got, SizeIs(2));
  EXPECT_EQ(error, 0);
  EXPECT_EQ(got[0].size, 250U);
  EXPECT_EQ(got[0].segment_size, 100U);
  EXPECT_EQ(got[0].data[249], 7);
  EXPECT_EQ(got[0].from, (UdpPath{kRemote, std::nullopt}));
  EXPECT_EQ(got[1].segment_size, 3U);  // without UDP_GRO: one datagram
  EXPECT_EQ(got[1].from.remote, kRemote6);
  EXPECT_EQ(got[1].tos, 3);
}

TEST_F(UdpReceiverTest, ForgetsWhatASlotHeldBefore) {
  port.script = {{{kRemote, {1, 2, 3, 4}, control(SOL_UDP, UDP_GRO, 2)}},
                 {{kRemote, {1, 2, 3}, {}}}};
  receive();
  const auto got = receive();
  ASSERT_THAT(got, SizeIs(1));
  EXPECT_EQ(got[0].segment_size, 3U);
  EXPECT_EQ(got[0].tos, 0);
}

TEST_F(UdpReceiverTest, NeverTellsASegmentSizeOfZeroOrBeyondTheBuffer) {
  port.script = {{{kRemote, {1, 2, 3}, control(SOL_UDP, UDP_GRO, 0)},
                  {kRemote, {1, 2, 3}, control(SOL_UDP, UDP_GRO, 4)},
                  {kRemote, {1, 2, 3}, control(SOL_UDP, UDP_GRO, 0xffffffff)}}};
  for (const InMessage& message : receive()) EXPECT_EQ(message.segment_size, 3U);
}

TEST_F(UdpReceiverTest, UnmapsIpv4InIpv6) {
  port.script = {{{Endpoint::parse("[::ffff:192.0.2.9]:4000").value(), {1}, {}}}};
  EXPECT_EQ(receive()[0].from.remote, kRemote);
}

TEST_F(UdpReceiverTest, LeavesOutAndCountsTruncatedBuffers) {
  port.script = {{{kRemote, {1}, {}, MSG_TRUNC}, {kRemote, {2}, {}}}};
  const auto got = receive();
  ASSERT_THAT(got, SizeIs(1));
  EXPECT_EQ(got[0].data[0], 2);
  EXPECT_EQ(receiver.truncated(), 1U);
}

TEST_F(UdpReceiverTest, AddsUpOverflowsOfBothFamilies) {
  const auto drops = [](std::uint32_t total) { return control(SOL_SOCKET, SO_RXQ_OVFL, total); };
  port.script = {{{kRemote, {1}, drops(5)}, {kRemote6, {1}, drops(100)}},
                 {{kRemote, {1}, drops(8)}, {kRemote6, {1}, {}}, {kRemote6, {1}, drops(101)}},
                 {{kRemote, {1}, drops(2)}}};  // a new socket begins at zero
  receive();
  EXPECT_EQ(receiver.overflowed(), 105U);
  receive();
  EXPECT_EQ(receiver.overflowed(), 109U);
  receive();
  EXPECT_EQ(receiver.overflowed(), 111U);
}

TEST_F(UdpReceiverTest, TellsErrorsFromNothingThere) {
  EXPECT_THAT(receive(), IsEmpty());
  EXPECT_EQ(error, 0);
  port.error = ENETDOWN;
  EXPECT_THAT(receive(), IsEmpty());
  EXPECT_EQ(error, ENETDOWN);
}

}  // namespace
}  // namespace warren::io
