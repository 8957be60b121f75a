#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "crypto/keys.h"
#include "crypto/system_random.h"
#include "io/event_fd.h"
#include "io/file_descriptor.h"
#include "io/tls_test_server.h"
#include "proto/relay/region.h"

namespace warren::relay::client::testing {

// A relay in this process, on a thread of its own: no limits, no admission, every queue unbounded.
// For tests only.
class TestRelay {
 public:
  struct Options {
    bool fast_start = true;
    bool admits = true;  // else it closes the connection of whoever logs in
    int tls_version = TLS1_3_VERSION;
    std::uint16_t port = 0;             // 0: any
    std::uint32_t rate = 0;             // told to clients, bytes a second
    const X509* certificate = nullptr;  // with `key`; null: a new one
    EVP_PKEY* key = nullptr;
  };

  explicit TestRelay(const Options& options);

  TestRelay() : TestRelay(Options{}) {}

  TestRelay(const TestRelay&) = delete;
  TestRelay& operator=(const TestRelay&) = delete;
  ~TestRelay();  // closes all connections

  // A node of a map that describes it.
  Node node(std::string name) const;

  std::uint16_t port() const { return port_; }

  // Connections stay, and nothing is read from or written to them any more, once it returns.
  void pause() { mode(Mode::Paused); }

  void resume() { mode(Mode::Running); }

  std::size_t logins() const { return logins_; }

  std::size_t fast_logins() const { return fast_logins_; }

  std::size_t packets() const { return packets_; }

  std::size_t homes() const { return homes_; }  // NotePreferred(1) received

 private:
  enum class Mode : std::uint8_t { Running, Paused, Ended };
  enum class Stage : std::uint8_t { Tls, Http, Login, Up };

  struct Connection {
    io::FileDescriptor fd;
    SSL* ssl = nullptr;
    Stage stage = Stage::Tls;
    std::vector<std::uint8_t> in;
    std::vector<std::uint8_t> out;
    std::size_t out_sent = 0;
    bool has_more = false;  // that TLS may have read already, so that the socket does not show it
    bool closed = false;
    NodePublicKey key;

    ~Connection() { SSL_free(ssl); }
  };

  void mode(Mode mode);
  void run();
  void serve(Connection& connection);
  void accept_one();
  void handle(Connection& connection);
  bool take_request(Connection& connection);
  void on_frame(Connection& from, std::uint8_t type, ByteView payload);
  void write_out(Connection& connection);

  Options options_;
  SystemRandom random_;
  RelayPrivateKey relay_key_;
  io::testing::KeyPtr own_key_;
  io::testing::CertificatePtr own_certificate_;
  io::testing::CertificatePtr meta_;
  io::testing::ContextPtr context_;
  io::FileDescriptor listener_;
  std::uint16_t port_ = 0;
  io::EventFd wake_;
  std::atomic<Mode> mode_ = Mode::Running;
  std::atomic<Mode> mode_seen_ = Mode::Running;  // by the thread
  std::atomic<std::size_t> logins_ = 0;
  std::atomic<std::size_t> fast_logins_ = 0;
  std::atomic<std::size_t> packets_ = 0;
  std::atomic<std::size_t> homes_ = 0;
  std::list<Connection> connections_;
  std::thread thread_;
};

}  // namespace warren::relay::client::testing
