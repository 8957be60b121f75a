#include "relay/stun_responder.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <gtest/gtest.h>

#include "crypto/system_random.h"
#include "io/file_descriptor.h"
#include "io/socket_address.h"
#include "proto/stun/binding.h"
#include "relay/testing.h"

namespace warren::relay {
namespace {

class StunClient {
 public:
  StunClient(int family, std::uint16_t port) : fd_(socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    const timeval limit{.tv_sec = 10, .tv_usec = 0};
    setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    const Endpoint server{*IpAddress::parse(family == AF_INET ? "127.0.0.1" : "::1"), port};
    io::SocketAddress address;
    const socklen_t size = io::to_socket_address(server, address);
    connected_ = connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0;
  }

  bool is_connected() const { return connected_; }

  void send(ByteView datagram) { ::send(fd_.get(), datagram.data(), datagram.size(), 0); }

  Bytes receive() {
    Bytes out(100);
    const ssize_t size = recv(fd_.get(), out.data(), out.size(), 0);
    out.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return out;
  }

  Endpoint local() const {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    return io::from_socket_address({reinterpret_cast<const std::uint8_t*>(&address), size}).value();
  }

 private:
  io::FileDescriptor fd_;
  bool connected_ = false;
};

TEST(StunResponder, AnswersTheExactRequestOnly) {
  SystemRandom random;
  const auto responder = StunResponder::start({.port = 0}, random).value();
  const stun::TransactionId transaction = {1, 2, 3};
  for (const int family : {AF_INET, AF_INET6}) {
    StunClient client(family, responder->port());
    if (!client.is_connected()) continue;  // no IPv6 here
    const auto request = stun::encode_binding_request(transaction);
    client.send(ByteView(request).first(39));
    client.send(Bytes(40));
    client.send(request);
    const Bytes answer = client.receive();
    EXPECT_EQ(answer.size(), family == AF_INET ? 32U : 44U);
    EXPECT_EQ(stun::decode_binding_success(answer),
              (stun::BindingSuccess{.transaction = transaction, .mapped = client.local()}));
  }
  EXPECT_EQ(responder->counters().malformed, 2 * responder->counters().answered);
}

TEST(StunResponder, AnswersAPrefixNoFasterThanItsLimit) {
  SystemRandom random;
  const auto responder =
      StunResponder::start({.port = 0, .interval = 1h, .burst = 3}, random).value();
  StunClient client(AF_INET, responder->port());
  const auto request = stun::encode_binding_request({});
  for (int i = 0; i < 10; ++i) client.send(request);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.receive().size(), 32U);
  while (responder->counters().limited < 7) {
  }
  EXPECT_EQ(responder->counters().answered, 3U);
}

}  // namespace
}  // namespace warren::relay
