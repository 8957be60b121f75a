#include "io/tun_device.h"

#include <algorithm>
#include <cerrno>
#include <functional>
#include <vector>

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/address.h"
#include "io/link.h"
#include "io/socket_address.h"
#include "io/test_namespace.h"
#include "io/tun_probe.h"

namespace warren::io {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// data-plane section 2.2.
enum GsoType : std::uint8_t { Tcp4 = 1, Tcp6 = 4, Udp = 5 };

constexpr IpAddress kOwn4 = IpAddress::v4({100, 64, 0, 1});
constexpr IpAddress kOwn6 = IpAddress::v6({0xfd, 0x7a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
constexpr IpAddress kPeer4 = IpAddress::v4({100, 64, 0, 2});
constexpr IpAddress kPeer6 = IpAddress::v6({0xfd, 0x7a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2});

class TunDeviceTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto entered = enter_test_namespace();
    if (!entered && entered.error().code == Errc::PermissionDenied) {
      GTEST_SKIP() << entered.error().detail;
    }
    ASSERT_TRUE(entered) << entered.error().detail;
  }

  static std::unique_ptr<TunDevice> open_up(TunOffloadChoice choice) {
    auto device = TunDevice::open("warren0", choice).value();
    Netlink netlink = Netlink::open().value();
    EXPECT_TRUE(set_link_state(netlink, device->index(), LinkState::Up));
    EXPECT_TRUE(add_address(netlink, {device->index(), kOwn4, 24}));
    EXPECT_TRUE(add_address(netlink, {device->index(), kOwn6, 64}));
    return device;
  }
};

// A packet from the peer to us with a virtio header before it, checksums as NEEDS_CSUM wants them.
std::vector<std::uint8_t> packet(GsoType type,
                                 bool is_v6,
                                 std::size_t payload,
                                 std::uint16_t segment,
                                 std::size_t tcp_options = 0);

int write_all(TunDevice& device, std::span<std::uint8_t> bytes) {
  const iovec part{.iov_base = bytes.data(), .iov_len = bytes.size()};
  return device.write({&part, 1});
}

TEST_F(TunDeviceTest, GoesWithItsDescriptor) {
  Netlink netlink = Netlink::open().value();
  auto device = TunDevice::open("warren0").value();
  EXPECT_EQ(device->name(), "warren0");
  EXPECT_EQ(find_link(netlink, "warren0").value().index, device->index());
  device = nullptr;
  EXPECT_EQ(find_link(netlink, "warren0").error().code, Errc::NotFound);
}

TEST_F(TunDeviceTest, LetsTheKernelNumberIt) {
  const auto first = TunDevice::open("wg%d").value();
  const auto second = TunDevice::open("wg%d").value();
  EXPECT_EQ(first->name(), "wg0");
  EXPECT_EQ(second->name(), "wg1");
}

TEST_F(TunDeviceTest, SaysWhatToDoWhenTheNameIsTaken) {
  const auto device = TunDevice::open("warren0").value();
  const auto again = TunDevice::open("warren0");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::AlreadyExists);
  EXPECT_THAT(again.error().detail, HasSubstr("another program has it open"));

  const auto other_kind = TunDevice::open("lo");
  ASSERT_FALSE(other_kind);
  EXPECT_EQ(other_kind.error().code, Errc::AlreadyExists);
  EXPECT_THAT(other_kind.error().detail, HasSubstr("choose another name"));
}

TEST(TunDeviceName, IsCheckedBeforeAnythingIsOpened) {
  for (const char* name : {"", "a/b", "a b", "a:b", ".", "..", "sixteen-letters-"}) {
    const auto device = TunDevice::open(name);
    ASSERT_FALSE(device) << name;
    EXPECT_EQ(device.error().code, Errc::InvalidArgument) << name;
  }
}

TEST_F(TunDeviceTest, OffersWhatTheKernelTakesAndTheCallerWants) {
  // Linux 6.2 and later take all of them.
  const TunOffloads all = TunDevice::open("a%d").value()->offloads();
  EXPECT_TRUE(all.vnet_header);
  EXPECT_TRUE(all.tcp);
  EXPECT_EQ(TunDevice::open("a%d", TunOffloadChoice::NoUdp).value()->offloads(),
            (TunOffloads{.vnet_header = true, .tcp = true, .udp = false}));
  EXPECT_EQ(TunDevice::open("a%d", TunOffloadChoice::None).value()->offloads(), TunOffloads{});
}

TEST_F(TunDeviceTest, ReportsEmptyDownAndGarbage) {
  const auto device = TunDevice::open("warren0").value();
  std::array<std::uint8_t, 10> header{};
  std::vector<std::uint8_t> buffer(65535);
  EXPECT_EQ(device->read(header, buffer), -EAGAIN);
  auto bytes = packet(GsoType::Tcp4, false, 100, 0);
  EXPECT_EQ(write_all(*device, bytes), -EIO);  // the interface is down
  Netlink netlink = Netlink::open().value();
  ASSERT_TRUE(set_link_state(netlink, device->index(), LinkState::Up));
  EXPECT_EQ(write_all(*device, bytes), 0);
  bytes[10] = 0x15;  // no IP version
  EXPECT_EQ(write_all(*device, bytes), -EINVAL);
}

// Every choice of offloads shows the same packets in the same form.
TEST_F(TunDeviceTest, ReadsAndWritesPacketsWithAHeaderInEveryMode) {
  for (const auto choice :
       {TunOffloadChoice::Auto, TunOffloadChoice::NoUdp, TunOffloadChoice::None}) {
    SCOPED_TRACE(static_cast<int>(choice));
    const auto device = open_up(choice);
    const FileDescriptor udp(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    SocketAddress to;
    const socklen_t to_size = to_socket_address({kPeer4, 4000}, to);
    const std::array<std::uint8_t, 5> text{'h', 'e', 'l', 'l', 'o'};
    ASSERT_EQ(sendto(udp.get(), text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&to),
                     to_size),
              5);

    std::array<std::uint8_t, 10> header{};
    header.fill(0xee);
    std::vector<std::uint8_t> buffer(65535);
    ssize_t size = 0;
    do {  // the kernel sends IPv6 router solicitations on its own
      size = device->read(header, buffer);
    } while (size > 0 && buffer[0] != 0x45);
    ASSERT_EQ(size, 20 + 8 + 5);
    EXPECT_EQ(header[1], 0);  // one packet
    EXPECT_EQ(as_text(ByteView(buffer).subspan(28, 5)), "hello");

    // The same packet comes back, its addresses and ports exchanged, in two parts.
    std::vector<std::uint8_t> back(10, 0);
    back.insert(back.end(), buffer.begin(), buffer.begin() + size);
    std::swap_ranges(&back[10 + 12], &back[10 + 16], &back[10 + 16]);
    std::swap_ranges(&back[10 + 20], &back[10 + 22], &back[10 + 22]);
    store_be<std::uint16_t>(&back[10 + 26], 0);  // no UDP checksum
    const iovec parts[] = {{.iov_base = back.data(), .iov_len = 38},
                           {.iov_base = &back[38], .iov_len = back.size() - 38}};
    EXPECT_EQ(device->write(parts), 0);
    std::array<std::uint8_t, 16> got{};
    EXPECT_EQ(recv(udp.get(), got.data(), got.size(), 0), 5);
  }
}

TEST_F(TunDeviceTest, KernelAcceptsEveryHeaderTheWriterCanEmit) {
  const auto device = open_up(TunOffloadChoice::Auto);
  ASSERT_TRUE(device->offloads().tcp);
  constexpr std::size_t kMost = 65535;
  for (const bool is_v6 : {false, true}) {
    const std::size_t ip = is_v6 ? 40 : 20;
    const GsoType tcp = is_v6 ? GsoType::Tcp6 : GsoType::Tcp4;
    for (const std::size_t options : {std::size_t{0}, std::size_t{12}, std::size_t{40}}) {
      const std::size_t headers = ip + 20 + options;
      for (const std::size_t payload :
           {std::size_t{2736}, std::size_t{1369}, std::size_t{1368} * 47, kMost - headers}) {
        auto bytes = packet(tcp, is_v6, payload, 1368, options);
        EXPECT_EQ(write_all(*device, bytes), 0) << is_v6 << ' ' << options << ' ' << payload;
      }
      auto tiny = packet(tcp, is_v6, 66, 1, options);
      EXPECT_EQ(write_all(*device, tiny), 0);
    }
    if (!device->offloads().udp) continue;
    for (const std::size_t payload :
         {std::size_t{64000}, std::size_t{63001}, std::size_t{1001}, std::size_t{64}}) {
      const auto segment = static_cast<std::uint16_t>(payload == 64 ? 1 : 1000);
      auto bytes = packet(GsoType::Udp, is_v6, payload, segment);
      EXPECT_EQ(write_all(*device, bytes), 0) << is_v6 << ' ' << payload;
    }
    auto largest = packet(GsoType::Udp, is_v6, kMost - ip - 8, 1400);
    EXPECT_EQ(write_all(*device, largest), 0);
  }
}

TEST_F(TunDeviceTest, UdpSuperPacketsArriveAsDatagrams) {
  const auto device = open_up(TunOffloadChoice::Auto);
  if (!device->offloads().udp) GTEST_SKIP() << "this kernel has no UDP offload for TUN (6.2)";
  const FileDescriptor udp(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  SocketAddress own;
  const socklen_t own_size = to_socket_address({kOwn4, 4000}, own);
  ASSERT_EQ(bind(udp.get(), reinterpret_cast<const sockaddr*>(&own), own_size), 0);
  auto bytes = packet(GsoType::Udp, false, 2 * 1000 + 1, 1000);
  ASSERT_EQ(write_all(*device, bytes), 0);
  std::vector<ssize_t> sizes;
  std::array<std::uint8_t, 2000> got{};
  for (ssize_t size = 0; (size = recv(udp.get(), got.data(), got.size(), 0)) >= 0;) {
    sizes.push_back(size);
  }
  EXPECT_THAT(sizes, ElementsAre(1000, 1000, 1));
}

TEST_F(TunDeviceTest, ProbeFindsThatThisKernelKeepsItsWord) {
  const auto device = open_up(TunOffloadChoice::Auto);
  const IpAddress own[] = {kOwn4, kOwn6};
  EXPECT_EQ(probe_coalescing(*device, own), device->offloads());
}

TEST_F(TunDeviceTest, ReportsADeletedDevice) {
  const auto device = open_up(TunOffloadChoice::Auto);
  Netlink netlink = Netlink::open().value();
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(device->index());
  NetlinkRequest request(RTM_DELLINK, 0, header);
  ASSERT_TRUE(netlink.change(request, "delete"));
  std::array<std::uint8_t, 10> virtio{};
  std::vector<std::uint8_t> buffer(65535);
  EXPECT_EQ(device->read(virtio, buffer), -EBADFD);
  auto bytes = packet(GsoType::Tcp4, false, 100, 0);
  EXPECT_EQ(write_all(*device, bytes), -EBADFD);
}

// A device that refuses some super-packets, as the kernels of data-plane section 2.1 do.
class PickyTun final : public TunPort {
 public:
  std::function<int(ByteView)> answer;
  std::size_t writes = 0;

  int fd() const override { return -1; }

  ssize_t read(std::span<std::uint8_t, 10> /*header*/, MutableByteView /*packet*/) override {
    return -EAGAIN;
  }

  int write(std::span<const iovec> parts) override {
    ++writes;
    return answer({static_cast<const std::uint8_t*>(parts[0].iov_base), parts[0].iov_len});
  }
};

TEST(TunProbe, BelievesOnlyWhatIsAccepted) {
  constexpr TunOffloads kAll{.vnet_header = true, .tcp = true, .udp = true};
  constexpr TunOffloads kTcpOnly{.vnet_header = true, .tcp = true, .udp = false};
  constexpr TunOffloads kOnlyUdp{.vnet_header = true, .tcp = false, .udp = true};
  const IpAddress own[] = {kOwn4, kOwn6};
  PickyTun tun;
  tun.answer = [](ByteView) { return 0; };
  EXPECT_EQ(probe_coalescing(tun, kAll, own), kAll);
  EXPECT_EQ(tun.writes, 8U);
  tun.answer = [](ByteView packet) { return packet[1] == GsoType::Udp ? -EINVAL : 0; };
  EXPECT_EQ(probe_coalescing(tun, kAll, own), kTcpOnly);
  tun.answer = [](ByteView packet) {  // short tails
    return packet[1] == GsoType::Tcp4 && packet.size() % 2 == 1 ? -EINVAL : 0;
  };
  EXPECT_EQ(probe_coalescing(tun, kAll, own), kOnlyUdp);
  tun.answer = [](ByteView) { return -EIO; };  // down: nothing learned
  EXPECT_EQ(probe_coalescing(tun, kAll, own), kAll);
  tun.writes = 0;
  EXPECT_EQ(probe_coalescing(tun, {}, own), TunOffloads{});
  EXPECT_EQ(tun.writes, 0U);
}

std::vector<std::uint8_t> packet(
    GsoType type, bool is_v6, std::size_t payload, std::uint16_t segment, std::size_t tcp_options) {
  const bool is_udp = type == GsoType::Udp;
  const std::size_t ip_size = is_v6 ? 40 : 20;
  const std::size_t l4_header = is_udp ? 8 : 20 + tcp_options;
  const std::size_t l4_size = l4_header + payload;
  std::vector<std::uint8_t> out(10 + ip_size + l4_size);
  const std::uint8_t protocol = is_udp ? 17 : 6;
  std::uint8_t* const ip = &out[10];
  std::uint8_t* const l4 = ip + ip_size;
  const IpAddress& from = is_v6 ? kPeer6 : kPeer4;
  const IpAddress& to = is_v6 ? kOwn6 : kOwn4;

  if (segment != 0) {
    const std::uint16_t fields[] = {static_cast<std::uint16_t>(ip_size + l4_header), segment,
                                    static_cast<std::uint16_t>(ip_size),
                                    static_cast<std::uint16_t>(is_udp ? 6 : 16)};
    out[0] = 1;
    out[1] = type;
    std::memcpy(&out[2], fields, sizeof fields);
  }
  const auto sum = [](std::span<const std::uint8_t> bytes) {
    std::uint32_t total = 0;
    for (std::size_t i = 0; i < bytes.size(); i += 2) total += load_be<std::uint16_t>(&bytes[i]);
    return total;
  };
  const auto fold = [](std::uint32_t total) {
    while (total > 0xffff) total = (total & 0xffff) + (total >> 16);
    return static_cast<std::uint16_t>(total);
  };
  if (is_v6) {
    ip[0] = 0x60;
    store_be(ip + 4, static_cast<std::uint16_t>(l4_size));
    ip[6] = protocol;
    ip[7] = 64;
    std::ranges::copy(from.bytes(), ip + 8);
    std::ranges::copy(to.bytes(), ip + 24);
  } else {
    ip[0] = 0x45;
    store_be(ip + 2, static_cast<std::uint16_t>(ip_size + l4_size));
    ip[6] = 0x40;
    ip[8] = 64;
    ip[9] = protocol;
    std::ranges::copy(from.bytes(), ip + 12);
    std::ranges::copy(to.bytes(), ip + 16);
    store_be(ip + 10, static_cast<std::uint16_t>(~fold(sum({ip, 20}))));
  }
  store_be<std::uint16_t>(l4, 4001);
  store_be<std::uint16_t>(l4 + 2, 4000);
  const std::uint16_t pseudo =
      fold(sum(from.bytes()) + sum(to.bytes()) + protocol + static_cast<std::uint32_t>(l4_size));
  if (is_udp) {
    store_be(l4 + 4, static_cast<std::uint16_t>(l4_size));
    store_be(l4 + 6, pseudo);
  } else {
    l4[12] = static_cast<std::uint8_t>(l4_header / 4 << 4);
    l4[13] = 0x10;
    std::fill_n(l4 + 20, tcp_options, std::uint8_t{1});
    store_be(l4 + 16, pseudo);
  }
  return out;
}

}  // namespace
}  // namespace warren::io
