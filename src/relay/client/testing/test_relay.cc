#include "relay/client/testing/test_relay.h"

#include <algorithm>
#include <array>
#include <csignal>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include <openssl/err.h>

#include "base/hex.h"
#include "proto/relay/frames.h"
#include "proto/relay/login.h"

namespace warren::relay::client::testing {

namespace {

constexpr std::size_t kChunk = 65536;

void append(std::vector<std::uint8_t>& to, ByteView bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

}  // namespace

TestRelay::TestRelay(const Options& options)
    : options_(options),
      relay_key_(RelayPrivateKey::generate(random_)),
      wake_(io::EventFd::create().value()) {
  if (options_.certificate == nullptr) {
    own_key_ = io::testing::make_key();
    own_certificate_ = io::testing::make_certificate(own_key_.get(), {});
    options_.key = own_key_.get();
    options_.certificate = own_certificate_.get();
  }
  std::vector<const X509*> chain = {options_.certificate};
  if (options_.fast_start) {
    const std::string name = "derpkey" + to_hex(relay_key_.public_key().bytes());
    meta_ = io::testing::make_certificate(options_.key,
                                          {.common_name = name, .alternative = {}, .serial = 2});
    chain.push_back(meta_.get());
  }
  context_ = io::testing::make_server_context(options_.key, chain, options_.tls_version);
  SSL_CTX_set_mode(context_.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context_.get(), 1);
  SSL_CTX_set_default_read_buffer_len(context_.get(), kChunk);

  listener_ = io::FileDescriptor(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(options_.port);
  socklen_t size = sizeof address;
  WARREN_CHECK(bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0);
  WARREN_CHECK(listen(listener_.get(), 64) == 0);
  getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

TestRelay::~TestRelay() {
  mode(Mode::Ended);
  thread_.join();
}

Node TestRelay::node(std::string name) const {
  Node out;
  out.name = std::move(name);
  out.host_name = "relay.test";
  out.cert_name = "sha256-raw:" + to_hex(io::testing::sha256_of(options_.certificate));
  out.ipv4 = "127.0.0.1";
  out.ipv6 = "none";
  out.relay_port = port_;
  return out;
}

void TestRelay::mode(Mode mode) {
  mode_ = mode;
  wake_.signal();
  for (Mode seen = mode_seen_; seen != mode; seen = mode_seen_) mode_seen_.wait(seen);
}

void TestRelay::run() {
  sigset_t pipe;  // a client that went away is an error code
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  pthread_setname_np(pthread_self(), "test-relay");
  for (;;) {
    const Mode mode = mode_;
    mode_seen_ = mode;
    mode_seen_.notify_all();
    if (mode == Mode::Ended) return;
    std::vector<pollfd> ready = {{.fd = wake_.fd(), .events = POLLIN, .revents = 0}};
    if (mode == Mode::Running) {
      ready.push_back({.fd = listener_.get(), .events = POLLIN, .revents = 0});
      for (const Connection& connection : connections_) {
        const bool writes = connection.out_sent < connection.out.size();
        ready.push_back({.fd = connection.fd.get(),
                         .events = static_cast<short>(writes ? POLLIN | POLLOUT : POLLIN),
                         .revents = 0});
      }
    }
    poll(ready.data(), ready.size(), -1);
    wake_.consume();
    if (mode != Mode::Running || mode_ != mode) continue;
    std::size_t at = 2;
    for (Connection& connection : connections_) {
      if (ready[at].revents != 0 || connection.has_more) serve(connection);
      ++at;
    }
    for (Connection& connection : connections_) write_out(connection);
    std::erase_if(connections_, [](const Connection& connection) { return connection.closed; });
    if (ready[1].revents != 0) accept_one();
  }
}

void TestRelay::accept_one() {
  io::FileDescriptor fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd.is_open()) return;
  const int on = 1;
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  Connection& connection = connections_.emplace_back();
  connection.fd = std::move(fd);
  connection.ssl = SSL_new(context_.get());
  SSL_set_fd(connection.ssl, connection.fd.get());
}

void TestRelay::serve(Connection& connection) {
  ERR_clear_error();
  const auto is_over = [&](int result) {
    const int error = SSL_get_error(connection.ssl, result);
    return error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE;
  };
  if (connection.stage == Stage::Tls) {
    const int result = SSL_accept(connection.ssl);
    if (result != 1) {
      connection.closed = is_over(result);
      return;
    }
    connection.stage = Stage::Http;
  }
  std::array<std::uint8_t, kChunk> bytes;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  connection.has_more = false;
  for (int turn = 0; turn < 16; ++turn) {
    const int result = SSL_read(connection.ssl, bytes.data(), static_cast<int>(bytes.size()));
    if (result <= 0) {
      connection.closed = connection.closed || is_over(result);
      return;
    }
    append(connection.in, ByteView(bytes).first(static_cast<std::size_t>(result)));
    handle(connection);
  }
  connection.has_more = true;
  wake_.signal();
}

void TestRelay::handle(Connection& connection) {
  if (connection.stage == Stage::Http && !take_request(connection)) return;
  std::size_t taken = 0;
  while (const auto frame = next_frame(ByteView(connection.in).subspan(taken))) {
    taken += frame->size();
    on_frame(connection, frame->type, frame->payload);
  }
  connection.in.erase(connection.in.begin(),
                      connection.in.begin() + static_cast<std::ptrdiff_t>(taken));
}

bool TestRelay::take_request(Connection& connection) {
  const std::string_view text = as_text(connection.in);
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return false;
  const std::string head(text.substr(0, end));
  connection.in.erase(connection.in.begin(),
                      connection.in.begin() + static_cast<std::ptrdiff_t>(end) + 4);
  if (head.starts_with("GET /derp/latency-check ")) {
    append(connection.out, as_bytes("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    return false;
  }
  const bool fast = head.find("Derp-Fast-Start: 1") != std::string::npos;
  if (fast) {
    ++fast_logins_;
  } else {
    append(connection.out,
           as_bytes("HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n"
                    "Derp-Version: 2\r\n\r\n"));
  }
  append(connection.out, encode_server_key(relay_key_.public_key()));
  connection.stage = Stage::Login;
  return true;
}

void TestRelay::on_frame(Connection& from, std::uint8_t type, ByteView payload) {
  if (from.stage == Stage::Login) {
    const auto login = open_client_info(payload, relay_key_);
    if (type != static_cast<std::uint8_t>(FrameType::ClientInfo) || !login || !options_.admits) {
      from.closed = true;
      return;
    }
    from.key = login->client;
    from.stage = Stage::Up;
    const ServerInfo info{
        .version = 2, .rate_bytes_per_second = options_.rate, .rate_burst_bytes = options_.rate};
    append(from.out, seal_server_info(info, relay_key_, from.key, random_));
    ++logins_;
    return;
  }
  if (type == static_cast<std::uint8_t>(FrameType::Ping)) {
    append(from.out, encode_ping(FrameType::Pong, decode_ping(payload).value()));
  } else if (type == static_cast<std::uint8_t>(FrameType::NotePreferred)) {
    homes_ += decode_note_preferred(payload).value() ? 1 : 0;
  } else if (type == static_cast<std::uint8_t>(FrameType::SendPacket)) {
    const auto packet = decode_packet(payload).value();
    ++packets_;
    // The newest connection of a key receives.
    const auto to = std::find_if(
        connections_.rbegin(), connections_.rend(),
        [&](const Connection& it) { return it.stage == Stage::Up && it.key == packet.key; });
    if (to == connections_.rend()) {
      append(from.out, encode_peer_gone({.peer = packet.key, .reason = GoneReason::NotHere}));
      return;
    }
    std::array<std::uint8_t, kFrameHeaderSize> header{};
    encode_frame_header(header, FrameType::RecvPacket, payload.size());
    append(to->out, header);
    append(to->out, from.key.bytes());
    append(to->out, packet.packet);
  }
}

void TestRelay::write_out(Connection& connection) {
  if (connection.stage == Stage::Tls) return;
  while (connection.out_sent < connection.out.size() && !connection.closed) {
    ERR_clear_error();
    const std::size_t rest =
        std::min<std::size_t>(connection.out.size() - connection.out_sent, 16384);
    const int result = SSL_write(connection.ssl, connection.out.data() + connection.out_sent,
                                 static_cast<int>(rest));
    if (result <= 0) {
      const int error = SSL_get_error(connection.ssl, result);
      connection.closed = error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE;
      return;
    }
    connection.out_sent += static_cast<std::size_t>(result);
  }
  connection.out.clear();
  connection.out_sent = 0;
}

}  // namespace warren::relay::client::testing
