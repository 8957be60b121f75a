#include "dns/service.h"

#include <csignal>
#include <memory>
#include <optional>
#include <set>

#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "crypto/system_random.h"
#include "dns/core/testing.h"
#include "io/clock.h"
#include "io/socket_address.h"
#include "io/spawn.h"

namespace warren::dns {
namespace {

using testing::Bytes;
using testing::ip;
using testing::name;
using testing::query;
using testing::text_of;

// One socket of a client or of an upstream, which never blocks.
class Socket {
 public:
  Socket(int type, const Endpoint& connect_to) : Socket(type, connect_to.address.is_v6()) {
    io::SocketAddress address;
    const socklen_t size = io::to_socket_address(connect_to, address);
    static_cast<void>(
        connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), size));  // or in progress
  }

  explicit Socket(io::FileDescriptor fd) : fd_(std::move(fd)) {}

  bool send(ByteView bytes) const {
    return ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }

  std::size_t send_some(ByteView bytes) const {
    const ssize_t size = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return size < 0 ? 0 : static_cast<std::size_t>(size);
  }

  void take_little() const {
    const int size = 1024;
    EXPECT_EQ(setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &size, sizeof size), 0);
  }

  // None: there is nothing. Empty: the end.
  std::optional<Bytes> receive() const {
    Bytes out(70'000);
    const ssize_t size = recv(fd_.get(), out.data(), out.size(), 0);
    if (size < 0) return std::nullopt;
    out.resize(static_cast<std::size_t>(size));
    return out;
  }

  std::optional<std::pair<Bytes, sockaddr_in>> receive_from() const {
    Bytes out(5000);
    sockaddr_in from{};
    socklen_t from_size = sizeof from;
    const ssize_t size = recvfrom(fd_.get(), out.data(), out.size(), 0,
                                  reinterpret_cast<sockaddr*>(&from), &from_size);
    if (size < 0) return std::nullopt;
    out.resize(static_cast<std::size_t>(size));
    return std::pair{out, from};
  }

  void send_to(ByteView bytes, const sockaddr_in& to) const {
    EXPECT_EQ(sendto(fd_.get(), bytes.data(), bytes.size(), 0,
                     reinterpret_cast<const sockaddr*>(&to), sizeof to),
              static_cast<ssize_t>(bytes.size()));
  }

 private:
  Socket(int type, bool is_v6)
      : fd_(socket(is_v6 ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {}

  io::FileDescriptor fd_;
};

Bytes with_length(const Bytes& message) {
  Bytes out(2);
  store_be(out.data(), static_cast<std::uint16_t>(message.size()));
  out.insert(out.end(), message.begin(), message.end());
  return out;
}

Sockets bind(std::initializer_list<std::string_view> addresses) {
  std::vector<IpAddress> parsed;
  for (const std::string_view address : addresses) parsed.push_back(ip(address));
  auto out = Sockets::bind(parsed, 0);
  EXPECT_TRUE(out) << (out ? "" : out.error().detail);
  return out ? *std::move(out) : Sockets();
}

class DnsServiceTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { WARREN_CHECK(std::signal(SIGPIPE, SIG_IGN) != SIG_ERR); }

  ~DnsServiceTest() override {
    for (const auto& service : services_) {
      bool has_stopped = false;
      const auto stop = [](Service* which, bool* done) -> boost::asio::awaitable<void> {
        co_await which->stop();
        *done = true;
      };
      io::spawn(loop_.get_executor(), Log::nowhere(), "test", stop(service.get(), &has_stopped));
      EXPECT_TRUE(until([&] { return has_stopped; }));
    }
  }

  // The first one's endpoint is `at`.
  Service& serve(Sockets sockets, Endpoint& at, const ServiceOptions& options = {}) {
    at = sockets.places().at(0).endpoint;
    return *services_.emplace_back(std::make_unique<Service>(
        loop_.get_executor(), std::move(sockets), options, random_, Log::nowhere()));
  }

  // One that knows the names of testing.h.
  Service& serve_names(Sockets sockets, Endpoint& at, const ServiceOptions& options = {}) {
    Service& out = serve(std::move(sockets), at, options);
    testing::fill(out.hosts());
    out.set_config({.zone = testing::zone_config(), .routes = {}});
    return out;
  }

  // One that asks this one upstream about everything.
  Service& serve_forwarder(Sockets sockets, Endpoint& at, const Endpoint& upstream) {
    Service& out = serve(std::move(sockets), at);
    out.set_config({.zone = {}, .routes = {{.suffix = {}, .upstreams = {{upstream}}}}});
    return out;
  }

  template <class Predicate>
  [[nodiscard]] bool until(Predicate is_so) {
    const TimePoint limit = io::boot_now() + 20s;
    while (!is_so()) {
      if (io::boot_now() > limit) return false;
      loop_.restart();
      loop_.run_for(std::chrono::milliseconds(1));
    }
    return true;
  }

  Bytes receive(const Socket& socket) {
    std::optional<Bytes> out;
    EXPECT_TRUE(until([&] { return (out = socket.receive()).has_value(); }));
    return out.value_or(Bytes());
  }

  void send(const Socket& socket, const Bytes& bytes) {
    EXPECT_TRUE(until([&] { return socket.send(bytes); }));  // a connection may be in the making
  }

  // The next answer of a connection.
  Bytes receive_message(const Socket& socket, Bytes& received) {
    EXPECT_TRUE(until([&] {
      if (const auto more = socket.receive()) {
        received.insert(received.end(), more->begin(), more->end());
      }
      return received.size() >= 2 &&
             received.size() >= 2U + load_be<std::uint16_t>(received.data());
    }));
    const auto size = std::min<std::ptrdiff_t>(2 + load_be<std::uint16_t>(received.data()),
                                               static_cast<std::ptrdiff_t>(received.size()));
    Bytes out(received.begin() + 2, received.begin() + size);
    received.erase(received.begin(), received.begin() + size);
    return out;
  }

  std::string ask_udp(const Endpoint& at, const Bytes& message) {
    const Socket client(SOCK_DGRAM, at);
    send(client, message);
    return text_of(receive(client));
  }

  std::string ask_tcp(const Endpoint& at, const Bytes& message) {
    const Socket client(SOCK_STREAM, at);
    send(client, with_length(message));
    Bytes received;
    return text_of(receive_message(client, received));
  }

  boost::asio::io_context loop_;
  SystemRandom random_;
  std::vector<std::unique_ptr<Service>> services_;
};

TEST_F(DnsServiceTest, AnswersFromTheAddressThatWasAsked) {
  Sockets sockets = bind({"127.0.0.1", "127.0.0.2"});
  ASSERT_EQ(sockets.places().size(), 2U);
  const Endpoint second = sockets.places()[1].endpoint;
  Endpoint first;
  serve_names(std::move(sockets), first);
  // The clients' sockets are connected, so they hear nobody else.
  EXPECT_EQ(ask_udp(first, query("web")), "100.64.0.1");
  EXPECT_EQ(ask_udp(second, query("web")), "100.64.0.1");
  EXPECT_EQ(ask_tcp(second, query("web")), "100.64.0.1");
}

TEST_F(DnsServiceTest, AnswersOverIpv6) {
  auto sockets = Sockets::bind({ip("::1")}, 0);
  if (!sockets) GTEST_SKIP() << sockets.error().detail;
  Endpoint at;
  serve_names(*std::move(sockets), at);
  EXPECT_EQ(ask_udp(at, query("six", RecordType::Aaaa)), "fd7a:115c:a1e0::2");
  EXPECT_EQ(ask_tcp(at, query("six", RecordType::Aaaa)), "fd7a:115c:a1e0::2");
}

TEST_F(DnsServiceTest, FailsBeforeItIsConfigured) {
  Endpoint at;
  serve(bind({"127.0.0.1"}), at);
  EXPECT_EQ(ask_udp(at, query("web")), "SERVFAIL");
}

TEST_F(DnsServiceTest, AnswersPipelinedRequestsHoweverTheyAreCut) {
  Endpoint at;
  serve_names(bind({"127.0.0.1"}), at);
  const Socket client(SOCK_STREAM, at);
  Bytes bytes = with_length(query("web", RecordType::A, 1));
  const Bytes second = with_length(query("db", RecordType::A, 2));
  bytes.insert(bytes.end(), second.begin(), second.end());
  for (const std::uint8_t byte : bytes) send(client, {byte});
  Bytes received;
  const Bytes first_answer = receive_message(client, received);
  EXPECT_EQ(id_of(first_answer), 1);
  EXPECT_EQ(text_of(first_answer), "100.64.0.1");
  EXPECT_EQ(text_of(receive_message(client, received)), "192.0.2.1");
}

TEST_F(DnsServiceTest, ForwardsOverUdpWithAnIdOfItsOwn) {
  Sockets upstream_sockets = bind({"127.0.0.1"});
  auto places = upstream_sockets.take();
  const Socket upstream(std::move(places.at(0).udp));
  Endpoint at;
  Service& service = serve_forwarder(bind({"127.0.0.1"}), at, places[0].endpoint);
  const Socket client(SOCK_DGRAM, at);
  std::optional<std::pair<Bytes, sockaddr_in>> asked;
  std::set<std::uint16_t> ids;
  std::set<std::uint16_t> ports;
  for (std::uint16_t i = 0; i < 8; ++i) {
    send(client, query("www.example", RecordType::A, i));
    ASSERT_TRUE(until([&] { return (asked = upstream.receive_from()).has_value(); }));
    ids.insert(id_of(asked->first));
    ports.insert(asked->second.sin_port);
    const Answer answer{.answers = {{.ttl = 9, .data = ip("198.51.100.7")}}};
    Bytes reply = encode_answer(decode_query(asked->first).value(), answer, 512);
    Bytes forged = reply;
    set_id(forged, static_cast<std::uint16_t>(id_of(reply) + 1));
    upstream.send_to(forged, asked->second);
    upstream.send_to(reply, asked->second);
    const Bytes received = receive(client);
    EXPECT_EQ(text_of(received), "198.51.100.7");
    EXPECT_EQ(id_of(received), i);
  }
  EXPECT_GT(ids.size(), 4U);
  EXPECT_GT(ports.size(), 4U);
  EXPECT_EQ(service.upstream_counters().mismatched, 8U);
  EXPECT_EQ(service.resolver_counters().answered_upstream, 8U);
  EXPECT_EQ(service.pending(), 0U);
}

TEST_F(DnsServiceTest, ForwardsOverTcpAtOnceToUpstreamsWithoutUdp) {
  auto places = bind({"127.0.0.1"}).take();
  places.at(0).udp = {};
  io::FileDescriptor listening = std::move(places[0].tcp);
  const Endpoint upstream_at = places[0].endpoint;
  Endpoint at;
  serve_forwarder(bind({"127.0.0.1"}), at, upstream_at);
  const Socket client(SOCK_DGRAM, at);
  send(client, query("www.example"));
  io::FileDescriptor accepted;
  ASSERT_TRUE(until([&] {
    accepted = io::FileDescriptor(accept4(listening.get(), nullptr, nullptr, SOCK_NONBLOCK));
    return accepted.is_open();
  }));
  const Socket upstream(std::move(accepted));
  Bytes received;
  const Bytes asked = receive_message(upstream, received);
  const Answer answer{.answers = {{.ttl = 9, .data = ip("198.51.100.7")}}};
  send(upstream, with_length(encode_answer(decode_query(asked).value(), answer, 512)));
  EXPECT_EQ(text_of(receive(client)), "198.51.100.7");
}

TEST_F(DnsServiceTest, ForwardsThroughChainsOverBothTransports) {
  Endpoint first;
  Endpoint second;
  serve_names(bind({"127.0.0.1"}), first);
  serve_forwarder(bind({"127.0.0.1"}), second, first);
  EXPECT_EQ(ask_udp(second, query("web.net.example")), "100.64.0.1");
  EXPECT_EQ(ask_tcp(second, query("web.net.example")), "100.64.0.1");
  EXPECT_EQ(ask_udp(second, query("nobody.net.example")), "NXDOMAIN");
}

TEST_F(DnsServiceTest, FailsWhenNobodyListensUpstream) {
  const Endpoint nobody = bind({"127.0.0.1"}).places().at(0).endpoint;
  Endpoint at;
  Service& service = serve_forwarder(bind({"127.0.0.1"}), at, nobody);
  EXPECT_EQ(ask_udp(at, query("www.example")), "SERVFAIL");
  EXPECT_EQ(service.upstream_counters().errors, 2U) << "UDP and TCP";
}

TEST_F(DnsServiceTest, GivesUpInTime) {
  auto places = bind({"127.0.0.1"}).take();  // hears, and says nothing
  Endpoint at;
  Service& service = serve(bind({"127.0.0.1"}), at,
                           {.limits = {.deadline = 60ms, .tcp_after = 20ms, .tcp_limit = 20ms}});
  service.set_config(
      {.zone = {}, .routes = {{.suffix = {}, .upstreams = {{places.at(0).endpoint}}}}});
  EXPECT_EQ(ask_udp(at, query("www.example")), "SERVFAIL");
  EXPECT_EQ(service.resolver_counters().timed_out, 1U);
}

TEST_F(DnsServiceTest, TakesAnotherConfigurationWhileQueriesWait) {
  auto places = bind({"127.0.0.1"}).take();
  const Socket upstream(std::move(places.at(0).udp));
  Endpoint at;
  Service& service = serve_forwarder(bind({"127.0.0.1"}), at, places[0].endpoint);
  const Socket client(SOCK_DGRAM, at);
  send(client, query("www.example"));
  std::optional<std::pair<Bytes, sockaddr_in>> asked;
  ASSERT_TRUE(until([&] { return (asked = upstream.receive_from()).has_value(); }));
  service.set_config({.zone = testing::zone_config(), .routes = {}});
  testing::fill(service.hosts());
  EXPECT_EQ(ask_udp(at, query("web")), "100.64.0.1");
  const Answer answer{.answers = {{.ttl = 9, .data = ip("198.51.100.7")}}};
  upstream.send_to(encode_answer(decode_query(asked->first).value(), answer, 512), asked->second);
  EXPECT_EQ(text_of(receive(client)), "198.51.100.7");
}

TEST_F(DnsServiceTest, DoesNotAskItself) {
  Sockets sockets = bind({"127.0.0.1"});
  const Endpoint own = sockets.places().at(0).endpoint;
  Endpoint at;
  Service& service = serve_forwarder(std::move(sockets), at, own);
  EXPECT_EQ(ask_udp(at, query("www.example")), "SERVFAIL");
  EXPECT_EQ(service.resolver_counters().forwarded, 0U);
}

TEST_F(DnsServiceTest, ClosesConnectionsThatAreIdleOrTooManyOrNoDns) {
  Endpoint at;
  Service& service =
      serve_names(bind({"127.0.0.1"}), at, {.tcp = {.connections = 2, .idle = 200ms}});
  const Socket first(SOCK_STREAM, at);
  ASSERT_TRUE(until([&] { return service.connections() == 1; }));
  const Socket second(SOCK_STREAM, at);
  ASSERT_TRUE(until([&] { return service.connections() == 2; }));
  const Socket third(SOCK_STREAM, at);
  EXPECT_TRUE(receive(first).empty()) << "the oldest gave way";
  EXPECT_EQ(service.tcp_counters().evicted, 1U);
  send(third, {0x20, 0x00});
  EXPECT_TRUE(receive(third).empty()) << "8192 bytes are no request";
  EXPECT_EQ(service.tcp_counters().refused, 1U);
  EXPECT_TRUE(receive(second).empty()) << "idle";
  EXPECT_EQ(service.tcp_counters().idle_closed, 1U);
  EXPECT_EQ(service.connections(), 0U);
}

TEST_F(DnsServiceTest, ClosesConnectionsThatDoNotTakeTheirAnswers) {
  Endpoint at;
  Service& service = serve_names(bind({"127.0.0.1"}), at, {.tcp = {.unsent_bytes = 1024}});
  const Socket client(SOCK_STREAM, at);
  client.take_little();
  Bytes requests;
  for (int i = 0; i < 1000; ++i) {
    const Bytes one = with_length(query("web"));
    requests.insert(requests.end(), one.begin(), one.end());
  }
  std::size_t sent = 0;
  ASSERT_TRUE(until([&] {
    sent = (sent + client.send_some(ByteView(requests).subspan(sent))) % requests.size();
    return service.tcp_counters().slow_readers > 0;
  }));
  EXPECT_EQ(service.connections(), 0U);
}

TEST_F(DnsServiceTest, ForgetsQueriesOfConnectionsThatClose) {
  auto places = bind({"127.0.0.1"}).take();
  Endpoint at;
  Service& service = serve_forwarder(bind({"127.0.0.1"}), at, places.at(0).endpoint);
  std::optional<Socket> client(std::in_place, SOCK_STREAM, at);
  send(*client, with_length(query("www.example")));
  ASSERT_TRUE(until([&] { return service.pending() == 1; }));
  client.reset();
  EXPECT_TRUE(until([&] { return service.pending() == 0; }));
  EXPECT_EQ(service.resolver_counters().clients_gone, 1U);
}

TEST(DnsSockets, AreBoundBeforeTheAddressesAreThere) {
  const auto sockets = Sockets::bind({ip("100.100.100.100"), ip("fd7a:115c:a1e0::53")}, 0);
  ASSERT_TRUE(sockets) << sockets.error().detail;
  EXPECT_EQ(sockets->places().at(0).endpoint.address, ip("100.100.100.100"));
  EXPECT_NE(sockets->places()[0].endpoint.port, 0);
}

TEST(DnsSockets, ShareThePortWithOneWhoServesAllAddresses) {
  const auto wildcard = [](int type, std::uint16_t port) {
    io::FileDescriptor fd(socket(AF_INET, type | SOCK_CLOEXEC, 0));
    const int on = 1;
    EXPECT_EQ(setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    io::SocketAddress any;
    const socklen_t size = io::to_socket_address({IpAddress(), port}, any);
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&any), size), 0);
    if (type == SOCK_STREAM) EXPECT_EQ(listen(fd.get(), 1), 0);
    return fd;
  };
  // A port that is free.
  const std::uint16_t port =
      Sockets::bind({ip("127.0.0.1")}, 0).value().places().at(0).endpoint.port;
  const auto udp = wildcard(SOCK_DGRAM, port);
  const auto tcp = wildcard(SOCK_STREAM, port);
  const auto sockets = Sockets::bind({ip("127.0.0.1")}, port);
  ASSERT_TRUE(sockets) << sockets.error().detail;
  EXPECT_TRUE(sockets->places().at(0).udp.is_open());
  EXPECT_FALSE(sockets->places()[0].tcp.is_open());
}

TEST(DnsSockets, SayWhoseTheFaultIs) {
  const auto first = Sockets::bind({ip("127.0.0.1")}, 0);
  ASSERT_TRUE(first);
  const Endpoint taken = first->places().at(0).endpoint;
  const auto second = Sockets::bind({taken.address}, taken.port);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().detail.find("answer names at 127.0.0.1:"), std::string::npos)
      << second.error().detail;
  EXPECT_FALSE(Sockets::bind({}, 0));
}

}  // namespace
}  // namespace warren::dns
