#include "node/control_dial.h"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>

#include "crypto/key_text.h"
#include "crypto/system_random.h"
#include "io/file_descriptor.h"
#include "io/tls_test_server.h"
#include "node/testing/fake_server.h"
#include "node/testing/loop_test.h"

namespace warren::node {
namespace {

namespace asio = boost::asio;
using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::FakeServer;
using ::testing::HasSubstr;
using Upgrade = FakeServer::Upgrade;

std::string pem_of(EVP_PKEY* key, X509* certificate) {
  char* text = nullptr;
  std::size_t size = 0;
  FILE* const out = open_memstream(&text, &size);
  PEM_write_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
  PEM_write_X509(out, certificate);
  WARREN_CHECK(fclose(out) == 0);
  std::string pem(text, size);
  free(text);  // NOLINT: as open_memstream() wants it
  return pem;
}

struct ControlDialTest : testing::LoopTest {
  // What a machine trusts whose only root is this one.
  static io::TlsContext trusting(X509* root) {
    std::string path = ::testing::TempDir() + "warren-node-roots-XXXXXX";
    const io::FileDescriptor file(mkstemp(path.data()));
    FILE* const out = fopen(path.c_str(), "w");
    PEM_write_X509(out, root);
    WARREN_CHECK(fclose(out) == 0);
    setenv("SSL_CERT_FILE", path.c_str(), 1);  // NOLINT(concurrency-mt-unsafe): one thread yet
    auto context = io::TlsContext::create().value();
    unsetenv("SSL_CERT_FILE");  // NOLINT(concurrency-mt-unsafe)
    unlink(path.c_str());
    return context;
  }

  io::TlsServerContext server_context(const io::testing::CertificateOptions& options) {
    certificate = io::testing::make_certificate(certificate_key.get(), options);
    const std::string pem = pem_of(certificate_key.get(), certificate.get());
    return io::TlsServerContext::create(io::TlsCertificate::from_pem(pem).value()).value();
  }

  static ServerUrl url(Leg preferred,
                       std::optional<std::uint16_t> plain,
                       std::optional<std::uint16_t> tls) {
    return {.preferred = preferred, .host = "127.0.0.1", .plain_port = plain, .tls_port = tls};
  }

  ControlDialTools tools() {
    return {.hosts = hosts,
            .lookups = lookups,
            .tls = tls,
            .random = random,
            .machine_key = machine,
            .mark = 0};
  }

  Result<DialedControl> dial(ServerUrl to,
                             std::optional<MachinePublicKey> known,
                             Duration limit = kDialLimit) {
    return run(dial_control(tools(), std::move(to), known, io::boot_now() + limit));
  }

  std::string refusal(ServerUrl to, std::optional<MachinePublicKey> known = {}) {
    const auto dialed = dial(std::move(to), known);
    return dialed ? "connected" : dialed.error().detail;
  }

  // Where nobody listens.
  std::uint16_t dead_port() {
    const asio::ip::tcp::acceptor gone(
        loop, asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    return gone.local_endpoint().port();
  }

  SystemRandom random;
  MachinePrivateKey machine = MachinePrivateKey::generate(random);
  MachinePrivateKey key = MachinePrivateKey::generate(random);
  io::testing::KeyPtr certificate_key = io::testing::make_key();
  io::testing::CertificatePtr certificate;
  io::TlsContext tls = io::TlsContext::create().value();
  HostLookup hosts{0, random};
  io::BlockingPool lookups{1, 4};
};

TEST_F(ControlDialTest, AsksForTheKeyThatNobodyKnows) {
  FakeServer server(loop, key.clone(), {});
  const auto dialed = dial(url(Leg::Plain, server.port(), {}), {});
  ASSERT_TRUE(dialed) << dialed.error().detail;
  EXPECT_EQ(dialed->server_key, key.public_key());
  EXPECT_EQ(dialed->leg, Leg::Plain);
  EXPECT_THAT(server.heads, ElementsAre("GET /key?v=116", "POST /ts2021"));
  ASSERT_EQ(server.connections.size(), 1);
  EXPECT_EQ(server.connections.front()->machine, machine.public_key());
}

TEST_F(ControlDialTest, NeedsNoCertificateWithAKnownKey) {
  const auto context = server_context({.common_name = "other.test", .alternative = ""});
  FakeServer server(loop, key.clone(), {.tls = &context});
  const auto dialed = dial(url(Leg::Tls, {}, server.port()), key.public_key());
  ASSERT_TRUE(dialed) << dialed.error().detail;
  EXPECT_EQ(dialed->leg, Leg::Tls);
  EXPECT_THAT(server.heads, ElementsAre("POST /ts2021"));
}

TEST_F(ControlDialTest, AsksForTheKeyWithAVerifiedCertificate) {
  const auto context = server_context({});
  FakeServer server(loop, key.clone(), {.tls = &context});
  tls = trusting(certificate.get());
  const auto dialed = dial(url(Leg::Tls, dead_port(), server.port()), {});
  ASSERT_TRUE(dialed) << dialed.error().detail;
  EXPECT_THAT(server.heads, ElementsAre("GET /key?v=116", "POST /ts2021"));
}

TEST_F(ControlDialTest, TakesTheOtherLegWhenThePreferredOneFails) {
  const auto context = server_context({});
  FakeServer secure(loop, key.clone(), {.tls = &context});
  FakeServer plain(loop, key.clone(), {.upgrade = Upgrade::NotFound});
  for (const std::uint16_t port : {dead_port(), plain.port()}) {
    const auto dialed = dial(url(Leg::Plain, port, secure.port()), key.public_key());
    ASSERT_TRUE(dialed) << dialed.error().detail;
    EXPECT_EQ(dialed->leg, Leg::Tls);
  }
  const auto other_way = dial(url(Leg::Tls, plain.port(), dead_port()), key.public_key());
  EXPECT_FALSE(other_way);
}

TEST_F(ControlDialTest, ClosesTheLegThatLost) {
  FakeServer silent(loop, key.clone(), {.upgrade = Upgrade::Silence});
  const auto context = server_context({});
  FakeServer secure(loop, key.clone(), {.tls = &context});
  const auto dialed = dial(url(Leg::Plain, silent.port(), secure.port()), key.public_key());
  ASSERT_TRUE(dialed) << dialed.error().detail;
  EXPECT_EQ(dialed->leg, Leg::Tls);
  EXPECT_TRUE(until([&] { return silent.ended == 1; }));
}

TEST_F(ControlDialTest, SaysThatTheServerHasAnotherKey) {
  FakeServer server(loop, key.clone(), {});
  const MachinePublicKey other = MachinePrivateKey::generate(random).public_key();
  EXPECT_THAT(refusal(url(Leg::Plain, server.port(), {}), other),
              AllOf(HasSubstr("another key than " + to_text(other)), HasSubstr("--server-key")));
  // Also when the preferred leg says something else.
  EXPECT_THAT(refusal(url(Leg::Tls, server.port(), dead_port()), other),
              HasSubstr("another key than"));
}

TEST_F(ControlDialTest, SaysWhatAnotherServerAnswered) {
  FakeServer server(loop, key.clone(), {.upgrade = Upgrade::NotFound});
  EXPECT_THAT(refusal(url(Leg::Plain, server.port(), {}), key.public_key()),
              AllOf(HasSubstr("answered 404 instead of 101"), HasSubstr("proxy")));
  FakeServer refusing(loop, key.clone(), {.upgrade = Upgrade::Refuse});
  EXPECT_THAT(refusal(url(Leg::Plain, refusing.port(), {}), key.public_key()),
              HasSubstr("refused: not?today"));
}

TEST_F(ControlDialTest, SaysThatANameDoesNotResolve) {
  ServerUrl nowhere = url(Leg::Tls, 80, 443);
  nowhere.host = std::string(64, 'a') + ".example";  // longer than a label may be: nobody is asked
  EXPECT_THAT(refusal(nowhere), AllOf(HasSubstr("DNS"), HasSubstr(nowhere.host)));
}

TEST_F(ControlDialTest, SaysThatNobodyListens) {
  const std::uint16_t port = dead_port();
  EXPECT_THAT(refusal(url(Leg::Plain, port, {}), key.public_key()),
              AllOf(HasSubstr("cannot connect to 127.0.0.1:" + std::to_string(port)),
                    HasSubstr("refused"), HasSubstr("is the server running")));
}

TEST_F(ControlDialTest, GivesUpAtTheDeadline) {
  FakeServer silent(loop, key.clone(), {.upgrade = Upgrade::Silence});
  const auto dialed = dial(url(Leg::Plain, silent.port(), {}), key.public_key(), 20ms);
  ASSERT_FALSE(dialed);
  EXPECT_EQ(dialed.error().code, Errc::Timeout);
  EXPECT_TRUE(until([&] { return silent.ended == 1; }));
}

TEST_F(ControlDialTest, TellsWhatToDoAboutACertificate) {
  struct Case {
    std::string_view name;
    io::testing::CertificateOptions options;
    bool is_trusted;
    std::string words;
  };

  const Case cases[] = {
      {"expired", {.valid_from = -7200, .valid_until = -3600}, true, "this machine's clock"},
      {"early", {.valid_from = 3600, .valid_until = 7200}, true, "this machine's clock"},
      {"unknown", {}, false, "with --server-key"},
      {"other", {.alternative = "DNS:other.test"}, true, "for another name"},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.name);
    const auto context = server_context(each.options);
    FakeServer server(loop, key.clone(), {.tls = &context});
    tls = each.is_trusted ? trusting(certificate.get()) : io::TlsContext::create().value();
    EXPECT_THAT(refusal(url(Leg::Tls, {}, server.port())), HasSubstr(each.words));
    EXPECT_TRUE(server.heads.empty());
    run(server.stop());
  }
}

TEST_F(ControlDialTest, LeavesNothingBehindWhenItIsCancelled) {
  FakeServer silent(loop, key.clone(), {.upgrade = Upgrade::Silence});
  const auto keep = [](auto inner, std::string* error) -> asio::awaitable<void> {
    const auto dialed = co_await std::move(inner);
    *error = dialed ? "connected" : dialed.error().detail;
  };
  std::string error;
  io::Tasks tasks(loop.get_executor(), Log::nowhere());
  tasks.spawn("dial", keep(dial_control(tools(), url(Leg::Plain, silent.port(), silent.port()),
                                        key.public_key(), io::boot_now() + kDialLimit),
                           &error));
  ASSERT_TRUE(until([&] { return silent.heads.size() == 1; }));
  tasks.cancel();
  run(tasks.wait());
  EXPECT_EQ(error, "cancelled");
  EXPECT_TRUE(until([&] { return silent.ended == 1; }));
}

}  // namespace
}  // namespace warren::node
