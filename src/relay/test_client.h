#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/file_descriptor.h"
#include "relay/testing.h"

struct ssl_st;

namespace warren::relay {

// A relay's client that blocks, for tests: it does one thing after another, and gives up on
// everything after ten seconds.
class TestClient {
 public:
  enum class Transport : std::uint8_t { Plain, Tls };

  TestClient(std::uint16_t port, Transport transport);
  TestClient(TestClient&&) noexcept;
  TestClient& operator=(TestClient&&) = delete;
  ~TestClient();

  // --- bytes
  void send(ByteView bytes);

  void send(std::string_view text) { send(as_bytes(text)); }

  // At most one record; empty when the other side has closed.
  Bytes receive();
  std::string receive_head();  // an HTTP response's; what follows it is kept
  bool is_closed();            // reads until then, or the time is up

  // --- DERP
  // Upgrades in the slow way, and sends the login.
  void log_in(const NodePrivateKey& key, const RelayPublicKey& server);
  // Upgrade and login in one flight.
  void log_in_fast(const NodePrivateKey& key, const RelayPublicKey& server);
  std::optional<Received> next();                // none: closed
  std::optional<Received> next(FrameType type);  // skips others

  void send_packet(const NodePublicKey& to, ByteView packet) {
    send(make_packet(FrameType::SendPacket, to, packet));
  }

  // --- TLS
  Bytes certificate(std::size_t index) const;  // DER; empty when there are fewer
  int tls_version() const;

  int fd() const { return fd_.get(); }

 private:
  io::FileDescriptor fd_;
  ssl_st* ssl_ = nullptr;
  Bytes received_;
};

}  // namespace warren::relay
