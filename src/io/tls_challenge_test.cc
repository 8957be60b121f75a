#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/hex.h"
#include "crypto/sha256.h"
#include "crypto/system_random.h"
#include "io/clock.h"
#include "io/listener.h"
#include "io/thread.h"
#include "io/tls_server.h"

// A listener with a challenge on a thread, and an authority that connects on the test's.
namespace warren::io {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

const std::string kName = "warren.example.org";
const Sha256Hash kHash = sha256(as_bytes("token.thumbprint"));

struct Seen {
  bool is_connected = false;
  std::string common_name;
  std::string protocol;
  std::string identifier;  // hex of the acmeIdentifier extension
  bool is_identifier_critical = false;
  bool is_closed = false;
};

class TlsChallenge : public testing::Test {
 protected:
  TlsChallenge() : guard_(loop_.get_executor()) {
    const WallTime now = SystemWallClock().now();
    context_ = TlsServerContext::create(TlsCertificate::make_self_signed({kName}, now).value(),
                                        &challenges_)
                   .value();
    EXPECT_TRUE(
        challenges_.add(kName, TlsCertificate::make_for_challenge(kName, kHash, now).value()));
    listener_ = Listener::listen(loop_.get_executor(), {*IpAddress::parse("127.0.0.1"), 0},
                                 ListenerKind::Tls, &*context_, {}, std::make_shared<HttpRoutes>(),
                                 random_, Log::nowhere())
                    .value();
    thread_.emplace(Thread::start("listener", [this](const EventFd&) { loop_.run(); }).value());
  }

  ~TlsChallenge() override {
    asio::post(loop_, [this] { spawn(loop_.get_executor(), Log::nowhere(), "stop", stop()); });
    guard_.reset();
    thread_->join();
  }

  Seen connect(const std::string& name, const std::string& protocols) const {
    asio::io_context own;
    tcp::socket socket(own);
    socket.connect({asio::ip::address_v4::loopback(), listener_->endpoint().port});
    SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
    SSL* const ssl = SSL_new(context);
    SSL_set_fd(ssl, socket.native_handle());
    SSL_set_tlsext_host_name(ssl, name.c_str());
    if (!protocols.empty()) {
      SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(protocols.data()),
                          static_cast<unsigned>(protocols.size()));
    }
    Seen out;
    out.is_connected = SSL_connect(ssl) == 1;
    if (out.is_connected) look(ssl, out);
    SSL_free(ssl);
    SSL_CTX_free(context);
    return out;
  }

 private:
  static void look(SSL* ssl, Seen& out) {
    X509* const certificate = SSL_get0_peer_certificate(ssl);
    char name[64] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
                              sizeof name);
    out.common_name = name;
    const unsigned char* protocol = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl, &protocol, &size);
    out.protocol.assign(reinterpret_cast<const char*>(protocol), size);
    ASN1_OBJECT* const type = OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1);
    const int at = X509_get_ext_by_OBJ(certificate, type, -1);
    ASN1_OBJECT_free(type);
    if (at >= 0) {
      X509_EXTENSION* const extension = X509_get_ext(certificate, at);
      const ASN1_OCTET_STRING* const value = X509_EXTENSION_get_data(extension);
      out.identifier = to_hex(
          {ASN1_STRING_get0_data(value), static_cast<std::size_t>(ASN1_STRING_length(value))});
      out.is_identifier_critical = X509_EXTENSION_get_critical(extension) == 1;
      EXPECT_EQ(X509_check_host(certificate, kName.data(), kName.size(),
                                X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, nullptr),
                1);
      char byte = 0;
      out.is_closed = SSL_read(ssl, &byte, 1) <= 0;
    }
  }

  asio::awaitable<void> stop() { co_await listener_->stop(); }

  SystemRandom random_;
  TlsChallenges challenges_;
  std::optional<TlsServerContext> context_;
  asio::io_context loop_{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard_;
  std::unique_ptr<Listener> listener_;
  std::optional<Thread> thread_;  // last: it uses all of this
};

// With the length before each, as RFC 7301 section 3.1 has it.
const std::string kAcme =
    "\x0a"
    "acme-tls/1";
const std::string kHttp =
    "\x08"
    "http/1.1";

TEST_F(TlsChallenge, ShowsWhoAsksForItTheKeyAuthorizationAndCloses) {
  for (const std::string& name : {kName, std::string("WARREN.example.org")}) {
    const Seen seen = connect(name, kAcme);
    ASSERT_TRUE(seen.is_connected);
    EXPECT_EQ(seen.protocol, "acme-tls/1");
    EXPECT_EQ(seen.identifier, "0420" + to_hex(kHash));
    EXPECT_TRUE(seen.is_identifier_critical);
    EXPECT_TRUE(seen.is_closed);
  }
}

TEST_F(TlsChallenge, ShowsEverybodyElseTheServersCertificate) {
  for (const std::string& protocols : {std::string(), kHttp, kAcme + kHttp}) {
    const Seen seen = connect(kName, protocols);
    ASSERT_TRUE(seen.is_connected);
    EXPECT_EQ(seen.common_name, kName);
    EXPECT_EQ(seen.identifier, "");
  }
}

TEST_F(TlsChallenge, RefusesOtherNames) {
  EXPECT_FALSE(connect("other.example.org", kAcme).is_connected);
}

}  // namespace
}  // namespace warren::io
