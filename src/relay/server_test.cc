#include "relay/server.h"

#include <future>
#include <optional>

#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/hex.h"
#include "crypto/system_random.h"
#include "io/clock.h"
#include "io/socket_address.h"
#include "io/thread.h"
#include "proto/stun/binding.h"
#include "relay/stun_responder.h"
#include "relay/test_client.h"

// A server on a loop's thread, and blocking clients on the test's.
namespace warren::relay {
namespace {

namespace asio = boost::asio;

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

using Transport = TestClient::Transport;

const Bytes kHello = {'h', 'e', 'l', 'l', 'o'};

class RelayServer : public testing::Test {
 protected:
  explicit RelayServer(const ServerOptions& options = quick()) {
    const WallTime now = io::SystemWallClock().now();
    auto key = RelayPrivateKey::generate(random);
    public_key = key.public_key();
    certificate = io::TlsCertificate::make_self_signed({"127.0.0.1"}, now).value();
    EXPECT_TRUE(add_fast_start(*certificate, public_key, now));
    server = Server::create(loop.get_executor(), std::move(key), &*certificate, options, random,
                            Log::nowhere())
                 .value();
    const Endpoint any = *Endpoint::parse("127.0.0.1:0");
    tls_port = server->listen(any, ListenerKind::Tls)->port;
    plain_port = server->listen(any, ListenerKind::Plain)->port;
    pages_port = server->listen(any, ListenerKind::Pages)->port;
    set_members({}, true);
    thread.emplace(io::Thread::start("relay", [this](const io::EventFd&) { loop.run(); }).value());
  }

  ~RelayServer() override {
    stop();
    thread->join();
  }

  static ServerOptions quick() {
    ServerOptions out;
    out.service.tick = 10ms;
    out.service.write_timeout = 300ms;
    out.service.limits.login = 200ms;
    out.listener.tls_timeout = 200ms;
    out.listener.http_timeout = 200ms;
    return out;
  }

  // On the loop's thread.
  template <class Function>
  auto on_loop(Function function) {
    std::packaged_task<std::invoke_result_t<Function>()> task(std::move(function));
    auto result = task.get_future();
    asio::post(loop, std::move(task));
    return result.get();
  }

  void set_members(std::vector<NodePublicKey> keys, bool is_everyone) {
    auto members = std::make_shared<Members>();
    members->keys.insert(keys.begin(), keys.end());
    members->is_everyone = is_everyone;
    server->service().set_members(std::move(members));
  }

  void stop() {
    if (!guard) return;
    std::promise<void> stopped;
    asio::post(loop, [&] {
      io::spawn(loop.get_executor(), Log::nowhere(), "stop", stop_server(&stopped));
    });
    stopped.get_future().wait();
    on_loop([this] {
      server.reset();
      return true;
    });
    guard.reset();
  }

  asio::awaitable<void> stop_server(std::promise<void>* stopped) {
    co_await server->stop();
    stopped->set_value();
  }

  TestClient join(const NodePrivateKey& key, Transport transport = Transport::Plain) {
    TestClient out(transport == Transport::Tls ? tls_port : plain_port, transport);
    out.log_in(key, public_key);
    EXPECT_TRUE(out.next(FrameType::ServerInfo));
    return out;
  }

  NodePrivateKey new_key() { return NodePrivateKey::generate(random); }

  // The server's own, in its constructor; the loop's thread draws later.
  SystemRandom random;
  asio::io_context loop{1};
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> guard{
      loop.get_executor()};
  RelayPublicKey public_key;
  std::optional<io::TlsCertificate> certificate;
  std::unique_ptr<Server> server;
  std::uint16_t tls_port = 0;
  std::uint16_t plain_port = 0;
  std::uint16_t pages_port = 0;
  std::optional<io::Thread> thread;
};

TEST_F(RelayServer, CarriesPacketsBothWaysOverTls) {
  const NodePrivateKey alice = new_key();
  const NodePrivateKey bob = new_key();
  TestClient a = join(alice, Transport::Tls);
  TestClient b = join(bob, Transport::Tls);
  a.send_packet(bob.public_key(), kHello);
  EXPECT_EQ(b.next(), received_packet(alice.public_key(), kHello));
  Bytes large(kMaxPacketSize);
  random.fill(large);
  for (int i = 0; i < 3; ++i) b.send_packet(alice.public_key(), large);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(a.next(), received_packet(bob.public_key(), large));
}

TEST_F(RelayServer, TakesTheLoginTogetherWithTheUpgrade) {
  const NodePrivateKey alice = new_key();
  const NodePrivateKey bob = new_key();
  TestClient b = join(bob);
  TestClient a(tls_port, Transport::Tls);
  a.log_in_fast(alice, public_key);
  a.send_packet(bob.public_key(), kHello);
  EXPECT_EQ(b.next(), received_packet(alice.public_key(), kHello));
  EXPECT_EQ(a.next()->type, FrameType::ServerKey);  // no HTTP response before it
  EXPECT_EQ(a.next()->type, FrameType::ServerInfo);
}

TEST_F(RelayServer, ShowsItsCertificateAndTheNoteWithItsKey) {
  const TestClient client(tls_port, Transport::Tls);
  EXPECT_EQ(client.tls_version(), TLS1_3_VERSION);
  const Bytes first = client.certificate(0);
  std::array<std::uint8_t, 32> digest{};
  SHA256(first.data(), first.size(), digest.data());
  EXPECT_EQ(digest, certificate->fingerprint());
  EXPECT_THAT(as_text(client.certificate(1)), HasSubstr("derpkey" + to_hex(public_key.bytes())));
  EXPECT_TRUE(client.certificate(2).empty());
}

TEST_F(RelayServer, RefusesAKeyThatIsNoMembers) {
  const NodePrivateKey alice = new_key();
  on_loop([&] {
    set_members({alice.public_key()}, false);
    return true;
  });
  TestClient a = join(alice);
  TestClient stranger(plain_port, Transport::Plain);
  stranger.log_in(new_key(), public_key);
  EXPECT_TRUE(stranger.is_closed());
  const auto closed = on_loop([&] { return server->service().hub().counters().closed; });
  EXPECT_EQ(closed[static_cast<std::size_t>(CloseReason::NotAdmitted)], 1U);
  on_loop([&] {
    set_members({}, false);
    return true;
  });
  EXPECT_TRUE(a.is_closed());
}

TEST_F(RelayServer, SendsProbesBeforeData) {
  const NodePrivateKey alice = new_key();
  const NodePrivateKey bob = new_key();
  TestClient a = join(alice);
  TestClient b = join(bob);
  // More than a record, in one flight: the probe is the last of it.
  Bytes flight;
  for (int i = 0; i < 20; ++i) {
    const Bytes frame = make_packet(FrameType::SendPacket, bob.public_key(), Bytes(1000));
    flight.insert(flight.end(), frame.begin(), frame.end());
  }
  const Bytes probe = make_packet(FrameType::SendPacket, bob.public_key(), fake_disco(1));
  flight.insert(flight.end(), probe.begin(), probe.end());
  a.send(flight);
  std::size_t place = 0;
  while (b.next() != received_packet(alice.public_key(), fake_disco(1))) ++place;
  // Unless the kernel has split the flight, it is the first.
  EXPECT_LE(place, 20U);
}

TEST_F(RelayServer, ASlowReaderDelaysNobody) {
  const NodePrivateKey alice = new_key();
  const NodePrivateKey slow = new_key();
  const NodePrivateKey quick = new_key();
  TestClient a = join(alice, Transport::Tls);
  const TestClient s = join(slow, Transport::Tls);
  TestClient q = join(quick, Transport::Tls);
  for (int i = 0; i < 3000; ++i) {
    a.send_packet(slow.public_key(), Bytes(8000));
    if (i % 100 == 0) {
      a.send_packet(quick.public_key(), kHello);
      EXPECT_EQ(q.next(), received_packet(alice.public_key(), kHello));
    }
  }
  const auto drops = on_loop([&] { return server->service().hub().counters().data.overflow; });
  EXPECT_GT(drops, 0U);
  // It is given up in the end: those that it got something from would be told.
  while (on_loop([&] { return server->service().sessions(); }) == 3) {
  }
  EXPECT_EQ(on_loop([&] { return server->service().counters().write_timeouts; }), 1U);
}

TEST_F(RelayServer, ClosesOnHugeFrames) {
  TestClient a = join(new_key());
  a.send(make_frame(0x04, Bytes(100000)));
  EXPECT_TRUE(a.is_closed());
  TestClient login(plain_port, Transport::Plain);
  login.send("GET /derp HTTP/1.1\r\nUpgrade: derp\r\n\r\n");
  EXPECT_THAT(login.receive_head(), StartsWith("HTTP/1.1 101"));
  login.send(make_frame(0x02, Bytes(262145)));
  EXPECT_TRUE(login.is_closed());
}

TEST_F(RelayServer, ClosesWhatStopsHalfway) {
  TestClient silent(tls_port, Transport::Plain);  // no TLS handshake
  TestClient half_hello(tls_port, Transport::Plain);
  half_hello.send("\x16\x03\x01");
  TestClient half_head(tls_port, Transport::Tls);
  half_head.send("GET /derp HTTP/1.1\r\n");
  TestClient no_login(tls_port, Transport::Tls);
  no_login.send("GET /derp HTTP/1.1\r\nUpgrade: derp\r\n\r\n");
  TestClient half_login(tls_port, Transport::Tls);
  half_login.send("GET /derp HTTP/1.1\r\nUpgrade: derp\r\nDerp-Fast-Start: 1\r\n\r\n\x02");
  for (TestClient* client : {&silent, &half_hello, &half_head, &no_login, &half_login}) {
    EXPECT_TRUE(client->is_closed());
  }
  EXPECT_EQ(on_loop([&] { return server->listeners()[0]->counters().failed_handshakes; }), 2U);
  EXPECT_EQ(on_loop([&] { return server->listeners()[0]->counters().bad_requests; }), 1U);
}

TEST_F(RelayServer, AnswersPagesOneAfterAnother) {
  for (const std::uint16_t port : {plain_port, pages_port}) {
    TestClient client(port, Transport::Plain);
    client.send(
        "GET /derp/latency-check HTTP/1.1\r\nHost: x\r\n\r\n"
        "GET /generate_204 HTTP/1.1\r\nX-Tailscale-Challenge: ts_x\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(client.receive_head(), StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(client.receive_head(),
                AllOf(StartsWith("HTTP/1.1 204 "), HasSubstr("response ts_x\r\n")));
    EXPECT_TRUE(client.is_closed());
  }
}

TEST_F(RelayServer, RefusesWhatIsNoUpgrade) {
  TestClient no_upgrade(plain_port, Transport::Plain);
  no_upgrade.send("GET /derp HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(no_upgrade.receive_head(), StartsWith("HTTP/1.1 426 "));
  EXPECT_TRUE(no_upgrade.is_closed());
  TestClient no_http(plain_port, Transport::Plain);
  no_http.send("\x01\x02\x03\r\n\r\n");
  EXPECT_THAT(no_http.receive_head(), StartsWith("HTTP/1.1 400 "));
  TestClient pages(pages_port, Transport::Plain);
  pages.send("GET /derp HTTP/1.1\r\nUpgrade: derp\r\n\r\n");
  EXPECT_THAT(pages.receive_head(), StartsWith("HTTP/1.1 404 "));
}

TEST_F(RelayServer, SaysThatItRestarts) {
  TestClient a = join(new_key(), Transport::Tls);
  stop();
  const auto last = a.next(FrameType::Restarting);
  ASSERT_TRUE(last);
  EXPECT_LE(decode_restarting(last->payload)->reconnect_in_ms, 100U);
  EXPECT_TRUE(a.is_closed());
}

ServerOptions crowded() {
  ServerOptions out;
  out.listener.pending = 4;
  out.listener.pending_per_prefix = 100;
  out.listener.tls_timeout = out.listener.http_timeout = 1h;
  return out;
}

class CrowdedRelayServer : public RelayServer {
 protected:
  CrowdedRelayServer() : RelayServer(crowded()) {}
};

TEST_F(CrowdedRelayServer, TheOldestThatIsPendingGivesWay) {
  std::vector<TestClient> idle;
  for (int i = 0; i < 4; ++i) idle.emplace_back(tls_port, Transport::Plain);
  TestClient member(tls_port, Transport::Tls);
  EXPECT_TRUE(idle.front().is_closed());
  member.log_in(new_key(), public_key);
  EXPECT_TRUE(member.next(FrameType::ServerInfo));
  EXPECT_EQ(on_loop([&] { return server->listeners()[0]->counters().evicted; }), 1U);
  EXPECT_EQ(on_loop([&] { return server->listeners()[0]->pending(); }), 3U);
}

ServerOptions limited() {
  ServerOptions out;
  out.listener.prefix_burst = 3;
  out.listener.prefix_interval = 1h;
  return out;
}

class LimitedRelayServer : public RelayServer {
 protected:
  LimitedRelayServer() : RelayServer(limited()) {}
};

TEST_F(LimitedRelayServer, APrefixHasItsShareOfConnections) {
  for (int i = 0; i < 3; ++i) join(new_key());
  TestClient fourth(plain_port, Transport::Plain);
  EXPECT_TRUE(fourth.is_closed());
  EXPECT_EQ(on_loop([&] { return server->listeners()[1]->counters().refused_prefix; }), 1U);
}

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
