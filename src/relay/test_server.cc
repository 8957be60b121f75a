#include "relay/test_server.h"

#include <fmt/format.h>

#include "base/hex.h"
#include "io/clock.h"
#include "io/spawn.h"

namespace warren::relay {

namespace asio = boost::asio;

TestServer::TestServer(const ServerOptions& options)
    : options_(options),
      private_key_(RelayPrivateKey::generate(random_)),
      public_key_(private_key_.public_key()),
      guard_(loop_.get_executor()) {
  const WallTime now = io::SystemWallClock().now();
  certificate_ = io::TlsCertificate::make_self_signed({"127.0.0.1"}, now).value();
  add_fast_start(*certificate_, public_key_, now).value();
  thread_.emplace(
      io::Thread::start("test-relay", [this](const io::EventFd&) { loop_.run(); }).value());
  start();
}

TestServer::~TestServer() {
  stop();
  guard_.reset();
  thread_->join();
}

void TestServer::start() {
  std::promise<void> started;
  asio::post(loop_, [&] {
    server_ = Server::create(loop_.get_executor(), private_key_.clone(), &*certificate_, options_,
                             random_, Log::nowhere())
                  .value();
    const auto listen = [&](std::uint16_t& port, io::ListenerKind kind) {
      port = server_->listen({*IpAddress::parse("127.0.0.1"), port}, kind).value().port;
    };
    listen(tls_port_, io::ListenerKind::Tls);
    listen(plain_port_, io::ListenerKind::Plain);
    listen(pages_port_, io::ListenerKind::Pages);
    auto everyone = std::make_shared<Members>();
    everyone->is_everyone = true;
    server_->service().set_members(std::move(everyone));
    started.set_value();
  });
  started.get_future().wait();
}

void TestServer::set_members(std::vector<NodePublicKey> keys) {
  auto members = std::make_shared<Members>();
  members->keys.insert(keys.begin(), keys.end());
  call([&](Server& server) {
    server.service().set_members(members);
    return true;
  });
}

void TestServer::stop() {
  if (!server_) return;
  std::promise<void> stopped;
  asio::post(loop_, [&] {
    io::spawn(loop_.get_executor(), Log::nowhere(), "stop", stop_server(&stopped));
  });
  stopped.get_future().wait();
}

asio::awaitable<void> TestServer::stop_server(std::promise<void>* stopped) {
  co_await server_->stop();
  server_.reset();
  stopped->set_value();
}

Node TestServer::node(std::string name) const {
  Node out;
  out.name = std::move(name);
  out.host_name = "127.0.0.1";
  out.cert_name = "sha256-raw:" + to_hex(certificate_->fingerprint());
  out.ipv4 = "127.0.0.1";
  out.ipv6 = "none";
  out.relay_port = tls_port_;
  out.stun_port = 0;
  return out;
}

}  // namespace warren::relay
