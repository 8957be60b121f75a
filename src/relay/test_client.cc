#include "relay/test_client.h"

#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <openssl/ssl.h>

#include "crypto/system_random.h"

namespace warren::relay {

namespace {

SSL_CTX* shared_context() {
  static SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  return context;
}

void expect(bool is_right, const char* what) {
  if (!is_right) throw std::runtime_error(what);
}

}  // namespace

TestClient::TestClient(std::uint16_t port, Transport transport)
    : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));  // OpenSSL writes to what is closed, too
  const timeval limit{.tv_sec = 10, .tv_usec = 0};
  setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  expect(connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0,
         "connect");
  if (transport == Transport::Plain) return;
  ssl_ = SSL_new(shared_context());
  expect(SSL_set_fd(ssl_, fd_.get()) == 1 && SSL_connect(ssl_) == 1, "TLS handshake");
}

TestClient::TestClient(TestClient&& other) noexcept
    : fd_(std::move(other.fd_)),
      ssl_(std::exchange(other.ssl_, nullptr)),
      received_(std::move(other.received_)) {}

TestClient::~TestClient() {
  SSL_free(ssl_);
}

void TestClient::send(ByteView bytes) {
  while (!bytes.empty()) {
    const auto sent = ssl_ != nullptr
                          ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                          : ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;  // the other side has closed: the test sees that when it reads
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
}

Bytes TestClient::receive() {
  Bytes out(65536);
  const auto got = ssl_ != nullptr ? SSL_read(ssl_, out.data(), static_cast<int>(out.size()))
                                   : recv(fd_.get(), out.data(), out.size(), 0);
  out.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return out;
}

std::string TestClient::receive_head() {
  constexpr std::string_view kEnd = "\r\n\r\n";
  while (true) {
    const std::size_t end = as_text(received_).find(kEnd);
    if (end != std::string_view::npos) {
      std::string out(as_text(received_).substr(0, end + kEnd.size()));
      received_.erase(received_.begin(),
                      received_.begin() + static_cast<std::ptrdiff_t>(out.size()));
      return out;
    }
    const Bytes more = receive();
    if (more.empty()) return {};
    received_.insert(received_.end(), more.begin(), more.end());
  }
}

bool TestClient::is_closed() {
  while (true) {
    errno = 0;
    if (receive().empty()) return errno != EAGAIN;
  }
}

void TestClient::log_in(const NodePrivateKey& key, const RelayPublicKey& server) {
  SystemRandom random;
  send("GET /derp HTTP/1.1\r\nHost: x\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n\r\n");
  expect(receive_head().starts_with("HTTP/1.1 101 "), "upgrade");
  const auto greeting = next(FrameType::ServerKey);
  expect(greeting && decode_server_key(greeting->payload) == server, "server key");
  send(
      seal_client_info({.mesh_key = "", .version = 2, .can_ack_pings = true}, key, server, random));
}

void TestClient::log_in_fast(const NodePrivateKey& key, const RelayPublicKey& server) {
  SystemRandom random;
  constexpr std::string_view kRequest =
      "GET /derp HTTP/1.1\r\nHost: x\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n"
      "Derp-Fast-Start: 1\r\n\r\n";
  Bytes flight(kRequest.begin(), kRequest.end());
  const Bytes login =
      seal_client_info({.mesh_key = "", .version = 2, .can_ack_pings = true}, key, server, random);
  flight.insert(flight.end(), login.begin(), login.end());
  send(flight);
}

std::optional<Received> TestClient::next() {
  while (true) {
    if (const auto frame = next_frame(received_)) {
      Received out{FrameType{frame->type}, {frame->payload.begin(), frame->payload.end()}};
      received_.erase(received_.begin(),
                      received_.begin() + static_cast<std::ptrdiff_t>(frame->size()));
      return out;
    }
    const Bytes more = receive();
    if (more.empty()) return std::nullopt;
    received_.insert(received_.end(), more.begin(), more.end());
  }
}

std::optional<Received> TestClient::next(FrameType type) {
  while (auto frame = next()) {
    if (frame->type == type) return frame;
  }
  return std::nullopt;
}

Bytes TestClient::certificate(std::size_t index) const {
  STACK_OF(X509)* const chain = SSL_get_peer_cert_chain(ssl_);
  if (chain == nullptr || static_cast<std::size_t>(sk_X509_num(chain)) <= index) return {};
  X509* const certificate = sk_X509_value(chain, static_cast<int>(index));
  Bytes out(static_cast<std::size_t>(i2d_X509(certificate, nullptr)));
  unsigned char* end = out.data();
  i2d_X509(certificate, &end);
  return out;
}

int TestClient::tls_version() const {
  return SSL_version(ssl_);
}

}  // namespace warren::relay
