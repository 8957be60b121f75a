#include "relay/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>

#include "base/hex.h"
#include "crypto/system_random.h"
#include "relay/test_client.h"
#include "relay/test_server.h"

// A server on a thread, and blocking clients on the test's.
namespace warren::relay {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

using Transport = TestClient::Transport;

const Bytes kHello = {'h', 'e', 'l', 'l', 'o'};

class RelayServer : public testing::Test {
 protected:
  explicit RelayServer(const ServerOptions& options = quick()) : server(options) {}

  static ServerOptions quick() {
    ServerOptions out;
    out.service.tick = 10ms;
    out.service.write_timeout = 300ms;
    out.service.limits.login = 200ms;
    out.listener.tls_timeout = 200ms;
    out.listener.http_timeout = 200ms;
    return out;
  }

  TestClient join(const NodePrivateKey& key, Transport transport = Transport::Plain) {
    TestClient out(transport == Transport::Tls ? server.tls_port() : server.plain_port(),
                   transport);
    out.log_in(key, server.key());
    EXPECT_TRUE(out.next(FrameType::ServerInfo));
    return out;
  }

  NodePrivateKey new_key() { return NodePrivateKey::generate(random); }

  // On the loop's thread.
  HubCounters hub_counters() {
    return server.call([](Server& it) { return it.service().hub().counters(); });
  }

  io::ListenerCounters listener_counters(std::size_t index) {
    return server.call([&](Server& it) { return it.listeners()[index]->counters(); });
  }

  SystemRandom random;
  TestServer server;
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
  TestClient a(server.tls_port(), Transport::Tls);
  a.log_in_fast(alice, server.key());
  a.send_packet(bob.public_key(), kHello);
  EXPECT_EQ(b.next(), received_packet(alice.public_key(), kHello));
  EXPECT_EQ(a.next()->type, FrameType::ServerKey);  // no HTTP response before it
  EXPECT_EQ(a.next()->type, FrameType::ServerInfo);
}

TEST_F(RelayServer, ShowsItsCertificateAndTheNoteWithItsKey) {
  const TestClient client(server.tls_port(), Transport::Tls);
  EXPECT_EQ(client.tls_version(), TLS1_3_VERSION);
  const Bytes first = client.certificate(0);
  std::array<std::uint8_t, 32> digest{};
  SHA256(first.data(), first.size(), digest.data());
  EXPECT_EQ(digest, server.fingerprint());
  EXPECT_THAT(as_text(client.certificate(1)), HasSubstr("derpkey" + to_hex(server.key().bytes())));
  EXPECT_TRUE(client.certificate(2).empty());
}

TEST_F(RelayServer, RefusesAKeyThatIsNoMembers) {
  const NodePrivateKey alice = new_key();
  server.set_members({alice.public_key()});
  TestClient a = join(alice);
  TestClient stranger(server.plain_port(), Transport::Plain);
  stranger.log_in(new_key(), server.key());
  EXPECT_TRUE(stranger.is_closed());
  const auto closed = hub_counters().closed;
  EXPECT_EQ(closed[static_cast<std::size_t>(CloseReason::NotAdmitted)], 1U);
  server.set_members({});
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
  EXPECT_GT(hub_counters().data.overflow, 0U);
  // It is given up in the end: those that it got something from would be told.
  while (server.call([](Server& it) { return it.service().sessions(); }) == 3) {
  }
  EXPECT_EQ(server.call([](Server& it) { return it.service().counters().write_timeouts; }), 1U);
}

TEST_F(RelayServer, ClosesOnHugeFrames) {
  TestClient a = join(new_key());
  a.send(make_frame(0x04, Bytes(100000)));
  EXPECT_TRUE(a.is_closed());
  TestClient login(server.plain_port(), Transport::Plain);
  login.send("GET /derp HTTP/1.1\r\nUpgrade: derp\r\n\r\n");
  EXPECT_THAT(login.receive_head(), StartsWith("HTTP/1.1 101"));
  login.send(make_frame(0x02, Bytes(262145)));
  EXPECT_TRUE(login.is_closed());
}

TEST_F(RelayServer, ClosesWhatStopsHalfway) {
  TestClient silent(server.tls_port(), Transport::Plain);  // no TLS handshake
  TestClient half_hello(server.tls_port(), Transport::Plain);
  half_hello.send("\x16\x03\x01");
  TestClient half_head(server.tls_port(), Transport::Tls);
  half_head.send("GET /derp HTTP/1.1\r\n");
  TestClient no_login(server.tls_port(), Transport::Tls);
  no_login.send("GET /derp HTTP/1.1\r\nUpgrade: derp\r\n\r\n");
  TestClient half_login(server.tls_port(), Transport::Tls);
  half_login.send("GET /derp HTTP/1.1\r\nUpgrade: derp\r\nDerp-Fast-Start: 1\r\n\r\n\x02");
  for (TestClient* client : {&silent, &half_hello, &half_head, &no_login, &half_login}) {
    EXPECT_TRUE(client->is_closed());
  }
  EXPECT_EQ(listener_counters(0).failed_handshakes, 2U);
  EXPECT_EQ(listener_counters(0).bad_requests, 1U);
}

TEST_F(RelayServer, AnswersPagesOneAfterAnother) {
  for (const std::uint16_t port : {server.plain_port(), server.pages_port()}) {
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
  TestClient no_upgrade(server.plain_port(), Transport::Plain);
  no_upgrade.send("GET /derp HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(no_upgrade.receive_head(), StartsWith("HTTP/1.1 426 "));
  EXPECT_TRUE(no_upgrade.is_closed());
  TestClient no_http(server.plain_port(), Transport::Plain);
  no_http.send("\x01\x02\x03\r\n\r\n");
  EXPECT_THAT(no_http.receive_head(), StartsWith("HTTP/1.1 400 "));
  TestClient pages(server.pages_port(), Transport::Plain);
  pages.send("GET /derp HTTP/1.1\r\nUpgrade: derp\r\n\r\n");
  EXPECT_THAT(pages.receive_head(), StartsWith("HTTP/1.1 404 "));
}

TEST_F(RelayServer, SaysThatItRestarts) {
  TestClient a = join(new_key(), Transport::Tls);
  server.stop();
  const auto last = a.next(FrameType::Restarting);
  ASSERT_TRUE(last);
  EXPECT_LE(decode_restarting(last->payload)->reconnect_in_ms, 100U);
  EXPECT_TRUE(a.is_closed());
}

ServerOptions crowded() {
  ServerOptions out;
  out.listener.pending = 4;
  out.listener.pending_time = 100ms;
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
  for (int i = 0; i < 4; ++i) idle.emplace_back(server.tls_port(), Transport::Plain);
  TestClient member(server.tls_port(), Transport::Tls);
  EXPECT_TRUE(idle.front().is_closed());
  member.log_in(new_key(), server.key());
  EXPECT_TRUE(member.next(FrameType::ServerInfo));
  EXPECT_EQ(listener_counters(0).evicted, 1U);
  EXPECT_EQ(server.call([](Server& it) { return it.listeners()[0]->pending(); }), 3U);
}

ServerOptions patient() {
  ServerOptions out = crowded();
  out.listener.pending_time = 1h;
  return out;
}

class PatientRelayServer : public RelayServer {
 protected:
  PatientRelayServer() : RelayServer(patient()) {}
};

TEST_F(PatientRelayServer, AWaveWaitsUntilThereIsRoom) {
  std::vector<TestClient> wave;
  for (int i = 0; i < 4; ++i) wave.emplace_back(server.tls_port(), Transport::Plain);
  TestClient fifth(server.plain_port(), Transport::Plain);  // another listener has its own room
  fifth.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(fifth.receive_head(), StartsWith("HTTP/1.1 "));
  TestClient sixth(server.tls_port(), Transport::Plain);
  while (server.call([](Server& it) { return it.listeners()[0]->pending(); }) < 4) {
  }
  wave.pop_back();
  while (server.call([](Server& it) { return it.listeners()[0]->counters().accepted; }) < 5) {
  }
  EXPECT_EQ(listener_counters(0).evicted, 0U);
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
  TestClient fourth(server.plain_port(), Transport::Plain);
  EXPECT_TRUE(fourth.is_closed());
  EXPECT_EQ(listener_counters(1).refused_prefix, 1U);
}

}  // namespace
}  // namespace warren::relay
