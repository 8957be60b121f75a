#include "io/tls_client.h"

#include <csignal>
#include <cstdlib>
#include <thread>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "io/clock.h"
#include "io/file_descriptor.h"
#include "io/spawn.h"
#include "io/tcp_dial.h"
#include "io/tls_test_server.h"

namespace warren::io {
namespace {

namespace asio = boost::asio;
using testing::CertificateOptions;
using ::testing::HasSubstr;
using testing::make_certificate;
using testing::sha256_of;
using Check = TlsTarget::Check;

template <class T>
T run(asio::awaitable<T> task) {
  asio::io_context loop;
  std::optional<T> out;
  const auto keep = [](asio::awaitable<T> inner, std::optional<T>* to) -> asio::awaitable<void> {
    *to = co_await std::move(inner);
  };
  spawn(loop.get_executor(), Log::nowhere(), "test", keep(std::move(task), &out));
  loop.run();
  return std::move(out).value();
}

// A port of this machine that listens.
struct Listener {
  Listener() : fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    WARREN_CHECK(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0);
    WARREN_CHECK(listen(fd.get(), 8) == 0);
    getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
    endpoint = Endpoint{.address = IpAddress::v4({127, 0, 0, 1}), .port = ntohs(address.sin_port)};
  }

  FileDescriptor fd;
  Endpoint endpoint;
};

// Takes one connection and sends back what it reads, until the other side closes.
struct EchoServer {
  explicit EchoServer(SSL_CTX* with) : context(with), thread([this] { serve(); }) {}

  ~EchoServer() {
    shutdown(listener.fd.get(), SHUT_RDWR);
    thread.join();
  }

  void serve() const {
    const FileDescriptor fd(accept(listener.fd.get(), nullptr, nullptr));
    if (!fd.is_open()) return;
    SSL* const ssl = SSL_new(context);
    SSL_set_fd(ssl, fd.get());
    if (SSL_accept(ssl) == 1) {
      std::array<char, 20000> bytes{};
      for (int n = 0; (n = SSL_read(ssl, bytes.data(), bytes.size())) > 0;) {
        if (SSL_write(ssl, bytes.data(), n) <= 0) break;
      }
    }
    ERR_clear_error();
    SSL_free(ssl);
  }

  Listener listener;
  SSL_CTX* context;
  std::thread thread;
};

asio::awaitable<Result<std::unique_ptr<TlsClient>>> connect(TlsContext* context,
                                                            Endpoint server,
                                                            TlsTarget target) {
  const TimePoint deadline = boot_now() + 10s;
  auto dialed = co_await dial_tcp({server}, {}, deadline);
  if (!dialed) co_return unexpected(std::move(dialed).error());
  co_return co_await TlsClient::connect(*context, std::move(dialed->socket), std::move(target),
                                        deadline);
}

struct Seen {
  bool is_tls13 = false;
  std::optional<TlsNote> note;
};

asio::awaitable<Result<Seen>> connect_and_look(TlsContext* context,
                                               Endpoint server,
                                               TlsTarget target) {
  auto client = co_await connect(context, server, std::move(target));
  if (!client) co_return unexpected(std::move(client).error());
  co_return Seen{.is_tls13 = (*client)->is_tls13(), .note = (*client)->note()};
}

struct TlsClientTest : ::testing::Test {
  static void SetUpTestSuite() { WARREN_CHECK(std::signal(SIGPIPE, SIG_IGN) != SIG_ERR); }

  testing::KeyPtr key = testing::make_key();
  TlsContext context = TlsContext::create().value();

  Result<Seen> connect_to(const std::vector<const X509*>& chain,
                          TlsTarget target,
                          int version = TLS1_3_VERSION) {
    const auto server_context = testing::make_server_context(key.get(), chain, version);
    const EchoServer server(server_context.get());
    return run(connect_and_look(&context, server.listener.endpoint, std::move(target)));
  }

  std::string refusal(const std::vector<const X509*>& chain, TlsTarget target) {
    auto outcome = connect_to(chain, std::move(target));
    return outcome ? "accepted" : outcome.error().detail;
  }
};

TlsTarget pinned(const X509* certificate, std::string server_name = {}) {
  return {.server_name = std::move(server_name),
          .check = Check::Pinned,
          .verify_name = {},
          .pin = sha256_of(certificate),
          .note_prefix = "derpkey"};
}

TlsTarget chained(std::string server_name, std::string verify_name) {
  TlsTarget out;
  out.server_name = std::move(server_name);
  out.verify_name = std::move(verify_name);
  return out;
}

TEST_F(TlsClientTest, CarriesBytesBothWays) {
  const auto certificate = make_certificate(key.get(), {});
  const auto server_context = testing::make_server_context(key.get(), {certificate.get()});
  const EchoServer server(server_context.get());
  const auto echo = [](TlsContext* with, Endpoint to, TlsTarget target) -> asio::awaitable<bool> {
    auto client = co_await connect(with, to, std::move(target));
    if (!client) co_return false;
    TlsClient& tls = **client;
    std::vector<std::uint8_t> sent(1'000'000);
    for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<std::uint8_t>(i * 7);
    std::vector<std::uint8_t> received(sent.size());
    std::size_t written = 0;
    std::size_t read = 0;
    while (read < received.size()) {
      TlsClient::Outcome in{.status = TlsClient::Status::WantRead};
      if (written < sent.size()) {
        const auto rest = ByteView(sent).subspan(written);
        const auto out = tls.write(rest.first(std::min<std::size_t>(rest.size(), 16384)));
        written += out.bytes;
      }
      in = tls.read(MutableByteView(received).subspan(read));
      read += in.bytes;
      if (in.status == TlsClient::Status::Closed) co_return false;
    }
    co_return received == sent;
  };
  EXPECT_TRUE(run(echo(&context, server.listener.endpoint, pinned(certificate.get()))));
}

TEST_F(TlsClientTest, TakesThePinnedCertificateAndReadsTheNote) {
  const auto certificate = make_certificate(key.get(), {});
  const std::string text(64, 'a');
  const auto note = make_certificate(key.get(), {.common_name = "derpkey" + text, .serial = 2});
  auto client =
      connect_to({certificate.get(), note.get()}, pinned(certificate.get(), "relay.test"));
  ASSERT_TRUE(client) << client.error().detail;
  EXPECT_TRUE(client->is_tls13);
  EXPECT_EQ(client->note, (TlsNote{.text = text, .serial = 2}));
  client = connect_to({certificate.get()}, pinned(certificate.get(), "127.0.0.1"), TLS1_2_VERSION);
  ASSERT_TRUE(client) << client.error().detail;
  EXPECT_FALSE(client->is_tls13);
  EXPECT_FALSE(client->note);
}

TEST_F(TlsClientTest, RefusesWhatIsNotThePinnedCertificate) {
  const auto certificate = make_certificate(key.get(), {});
  const auto other = make_certificate(key.get(), {.serial = 9});
  const auto expired = make_certificate(key.get(), {.valid_from = -7200, .valid_until = -3600});
  const auto future = make_certificate(key.get(), {.valid_from = 3600, .valid_until = 7200});
  EXPECT_THAT(refusal({certificate.get()}, pinned(other.get())),
              HasSubstr("its certificate is not the pinned one: sha256 "));
  EXPECT_THAT(refusal({certificate.get(), other.get()}, pinned(certificate.get())),
              HasSubstr("several certificates"));
  EXPECT_THAT(refusal({certificate.get()}, pinned(certificate.get(), "other.test")),
              HasSubstr("not for other.test"));
  EXPECT_THAT(refusal({expired.get()}, pinned(expired.get())), HasSubstr("not valid at this time"));
  EXPECT_THAT(refusal({future.get()}, pinned(future.get())), HasSubstr("not valid at this time"));
}

TEST_F(TlsClientTest, ChecksTheChainAndTheName) {
  const auto certificate = make_certificate(key.get(), {});
  const TlsTarget target = chained("relay.test", "relay.test");
  EXPECT_THAT(refusal({certificate.get()}, target), HasSubstr("not accepted for relay.test"));
  // What OpenSSL takes for the system's roots.
  std::string path = ::testing::TempDir() + "warren-roots-XXXXXX";
  const FileDescriptor file(mkstemp(path.data()));
  FILE* const out = fopen(path.c_str(), "w");
  PEM_write_X509(out, certificate.get());
  ASSERT_EQ(fclose(out), 0);
  setenv("SSL_CERT_FILE", path.c_str(), 1);  // NOLINT(concurrency-mt-unsafe): one thread yet
  context = TlsContext::create().value();
  unsetenv("SSL_CERT_FILE");  // NOLINT(concurrency-mt-unsafe)
  unlink(path.c_str());
  EXPECT_EQ(refusal({certificate.get()}, target), "accepted");
  EXPECT_EQ(refusal({certificate.get()}, chained("", "127.0.0.1")), "accepted");
  EXPECT_THAT(refusal({certificate.get()}, chained("", "other.test")),
              HasSubstr("not accepted for other.test"));
  EXPECT_THAT(refusal({certificate.get()}, chained("relay.test", "")),
              HasSubstr("no name to check"));
}

TEST_F(TlsClientTest, GivesUpAtTheDeadlineWhenTheOtherSideIsSilent) {
  const Listener silent;
  const auto connect_briefly = [](TlsContext* with, Endpoint to) -> asio::awaitable<Error> {
    auto dialed = co_await dial_tcp({to}, {}, boot_now() + 10s);
    if (!dialed) co_return dialed.error();
    TlsTarget anyone;
    anyone.check = Check::None;
    auto client = co_await TlsClient::connect(*with, std::move(dialed->socket), std::move(anyone),
                                              boot_now() + 20ms);
    co_return client ? Error{} : client.error();
  };
  EXPECT_EQ(run(connect_briefly(&context, silent.endpoint)),
            (Error{Errc::Timeout, "TLS handshake: no answer in time"}));
}

TEST(TcpDial, TakesTheNextAddressWhenOneRefuses) {
  const Listener listener;
  const Endpoint refusing{.address = IpAddress::v4({127, 0, 0, 2}), .port = listener.endpoint.port};
  const auto dial = [](std::vector<Endpoint> to) -> asio::awaitable<Result<Endpoint>> {
    const TcpOptions options{.unsent_bytes = 65536, .user_timeout = 15s};
    auto dialed = co_await dial_tcp(std::move(to), options, boot_now() + 10s);
    if (!dialed) co_return unexpected(dialed.error());
    EXPECT_GT(dialed->round_trip, 0ns);
    co_return local_address(dialed->socket).value();
  };
  const auto local = run(dial({refusing, listener.endpoint}));
  ASSERT_TRUE(local) << local.error().detail;
  EXPECT_EQ(local->address, listener.endpoint.address);
  EXPECT_TRUE(is_local_address(*local));
  EXPECT_THAT(run(dial({refusing})).error().detail, HasSubstr("connect to 127.0.0.2:"));
  EXPECT_EQ(run(dial({})).error().code, Errc::NotFound);
}

TEST(TcpDial, KnowsAnAddressThatIsGone) {
  EXPECT_FALSE(is_local_address({.address = IpAddress::v4({192, 0, 2, 77}), .port = 1}));
  EXPECT_TRUE(is_local_address({.address = IpAddress::v4({127, 0, 0, 1}), .port = 1}));
}

}  // namespace
}  // namespace warren::io
