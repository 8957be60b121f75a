#include "io/tls_server.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/tls1.h>

#include "base/bytes.h"
#include "io/send_buffer.h"
#include "io/wait_ready.h"

namespace warren::io {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

// AES-GCM first: in hardware it costs half of ChaCha20-Poly1305 (spec: data-plane section 6). A
// client that prefers ChaCha20, because it has no such hardware, gets that (PRIORITIZE_CHACHA).
constexpr const char* kCiphersTls13 =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kCiphersTls12 = "ECDHE+AESGCM:ECDHE+CHACHA20";

// What one read of the socket takes: four records.
constexpr std::size_t kReadAhead = std::size_t{64} << 10;
constexpr std::size_t kRecord = 16384;        // RFC 8446 section 5.1
constexpr std::size_t kRecordOverhead = 256;  // RFC 8446 section 5.2: and no more
// A client may ask for new keys without end, and read none of the answers.
constexpr std::size_t kMostUnsent = std::size_t{256} << 10;

std::string_view openssl_reason() {
  const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
  return reason == nullptr ? "connection lost" : reason;
}

int clamp_to_int(std::size_t size) {
  return static_cast<int>(std::min<std::size_t>(size, std::numeric_limits<int>::max()));
}

constexpr std::string_view kAcmeProtocol = "acme-tls/1";  // RFC 8737 section 6.2

ByteView extension_of(SSL* ssl, unsigned type) {
  const unsigned char* data = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, type, &data, &size) != 1) return {};
  return {data, size};
}

// Whether that protocol is the only one that is offered (RFC 7301 section 3.1).
bool offers_acme_only(SSL* ssl) {
  ByteReader in(extension_of(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation));
  const std::size_t list = in.be16();
  if (list != in.remaining()) return false;
  const ByteView name = in.take(in.u8());
  return in.ok() && in.remaining() == 0 && as_text(name) == kAcmeProtocol;
}

// The name that is asked for, in lower case (RFC 6066 section 3); empty when there is none.
std::string asked_name(SSL* ssl) {
  ByteReader in(extension_of(ssl, TLSEXT_TYPE_server_name));
  in.skip(2);
  if (in.u8() != TLSEXT_NAMETYPE_host_name) return {};
  const ByteView name = in.take(in.be16());
  std::string out(as_text(name));
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

// On the connection alone, in the place of the context's.
bool show(SSL* ssl, const TlsCertificate& certificate) {
  SSL_certs_clear(ssl);
  return SSL_use_certificate(ssl, certificate.chain().front().get()) == 1 &&
         SSL_use_PrivateKey(ssl, certificate.key()) == 1;
}

// Before anything of the handshake is decided: which certificate it is about.
int heed_challenge(SSL* ssl, int* alert, void* challenges) noexcept {
  if (!offers_acme_only(ssl)) return SSL_CLIENT_HELLO_SUCCESS;
  const TlsCertificate* const certificate =
      challenges == nullptr ? nullptr
                            : static_cast<const TlsChallenges*>(challenges)->find(asked_name(ssl));
  if (certificate == nullptr || !show(ssl, *certificate) || SSL_set_app_data(ssl, ssl) != 1) {
    *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
    return SSL_CLIENT_HELLO_ERROR;
  }
  return SSL_CLIENT_HELLO_SUCCESS;
}

bool is_challenge(const SSL* ssl) {
  return SSL_get_app_data(ssl) != nullptr;
}

// Agrees to HTTP/1.1 where it is offered; whoever offers other protocols only is served without.
int select_protocol(SSL* ssl,
                    const unsigned char** out,
                    unsigned char* out_size,
                    const unsigned char* offered,
                    unsigned offered_size,
                    void*) {
  static constexpr unsigned char kHttp1[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  if (is_challenge(ssl)) {
    *out = offered + 1;  // the only one
    *out_size = offered[0];
    return SSL_TLSEXT_ERR_OK;
  }
  unsigned char* selected = nullptr;
  if (SSL_select_next_proto(&selected, out_size, kHttp1, sizeof kHttp1, offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = selected;
  return SSL_TLSEXT_ERR_OK;
}

// What OpenSSL writes goes into a SendBuffer: left to itself it makes a system call for each
// record, and each may wake the reader at the other end for that record alone.
int append_to_buffer(BIO* bio, const char* bytes, int size) noexcept {
  SendBuffer& buffer = *static_cast<SendBuffer*>(BIO_get_data(bio));
  const ByteView sealed(reinterpret_cast<const std::uint8_t*>(bytes),
                        static_cast<std::size_t>(size));
  if (buffer.size() + sealed.size() > kMostUnsent) return -1;  // the connection is broken then
  buffer.append(sealed);
  return size;
}

// The handshake asks for a flush; TlsServerStream does it.
long control_buffer(BIO*, int command, long, void*) noexcept {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

struct FreeMethod {
  void operator()(BIO_METHOD* method) const { BIO_meth_free(method); }
};

// The same for all streams, which it outlives.
const BIO_METHOD* send_buffer_method() {
  static const std::unique_ptr<BIO_METHOD, FreeMethod> kMethod([] {
    BIO_METHOD* const out = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "send buffer");
    if (out != nullptr) {
      BIO_meth_set_write(out, append_to_buffer);
      BIO_meth_set_ctrl(out, control_buffer);
    }
    return out;
  }());
  return kMethod.get();
}

class TlsServerStream final : public ByteStream {
 public:
  // Null when there is no memory.
  static std::unique_ptr<TlsServerStream> create(tcp::socket socket, SSL_CTX* context) {
    SSL* const ssl = SSL_new(context);
    BIO* const in = BIO_new_socket(socket.native_handle(), BIO_NOCLOSE);
    const BIO_METHOD* const method = send_buffer_method();
    BIO* const out = method == nullptr ? nullptr : BIO_new(method);
    if (ssl == nullptr || in == nullptr || out == nullptr) {
      SSL_free(ssl);
      BIO_free(in);
      BIO_free(out);
      return nullptr;
    }
    SSL_set_bio(ssl, in, out);
    std::unique_ptr<TlsServerStream> stream(new TlsServerStream(std::move(socket), ssl));
    BIO_set_data(out, &stream->unsent_);
    BIO_set_init(out, 1);
    return stream;
  }

  ~TlsServerStream() override { SSL_free(ssl_); }

  Status handshake() {
    ERR_clear_error();
    const Status status = status_of(SSL_accept(ssl_));
    const Status sent = flush();
    return sent == Status::Done ? status : sent;
  }

  Outcome read(MutableByteView out) override {
    ERR_clear_error();
    const bool was_empty = unsent_.empty();
    const int result = SSL_read(ssl_, out.data(), clamp_to_int(out.size()));
    const Status status = status_of(result);
    // A key update was answered, or an alert raised. What the socket does not take goes with the
    // next write.
    if (was_empty && !unsent_.empty()) static_cast<void>(flush());
    if (result > 0) return {.status = Status::Done, .bytes = static_cast<std::size_t>(result)};
    return {.status = status};
  }

  Status write(ByteView bytes) override {
    unsent_.reserve(bytes.size() + (bytes.size() / kRecord + 1) * kRecordOverhead);
    ERR_clear_error();
    const int size = clamp_to_int(bytes.size());
    if (SSL_write(ssl_, bytes.data(), size) != size) {
      is_broken_ = true;
      return Status::Closed;
    }
    return flush();
  }

  Status flush() override { return unsent_.send(socket_.native_handle()); }

  void finish() override {
    ERR_clear_error();
    if (!is_broken_) SSL_shutdown(ssl_);
    static_cast<void>(flush());
    boost::system::error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
  }

  tcp::socket& socket() override { return socket_; }

  bool was_challenge() const { return is_challenge(ssl_); }

 private:
  TlsServerStream(tcp::socket socket, SSL* ssl) : socket_(std::move(socket)), ssl_(ssl) {}

  Status status_of(int result) {
    if (result > 0) return Status::Done;
    switch (SSL_get_error(ssl_, result)) {
      case SSL_ERROR_WANT_READ:
        return Status::WantRead;
      case SSL_ERROR_WANT_WRITE:
        return Status::WantWrite;
      case SSL_ERROR_ZERO_RETURN:
        return Status::Closed;
      default:
        is_broken_ = true;
        return Status::Closed;
    }
  }

  tcp::socket socket_;
  SendBuffer unsent_;
  SSL* const ssl_;
  bool is_broken_ = false;
};

}  // namespace

void TlsServerContext::Free::operator()(ssl_ctx_st* context) const {
  SSL_CTX_free(context);
}

bool TlsChallenges::add(const std::string& name, TlsCertificate certificate) {
  if (certificates_.size() >= kMost && !certificates_.contains(name)) return false;
  certificates_.insert_or_assign(name, std::move(certificate));
  return true;
}

const TlsCertificate* TlsChallenges::find(std::string_view name) const {
  const auto found = certificates_.find(name);
  return found == certificates_.end() ? nullptr : &found->second;
}

Result<TlsServerContext> TlsServerContext::create(const TlsCertificate& certificate,
                                                  const TlsChallenges* challenges) {
  TlsServerContext out(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* const context = out.get();
  const auto failed = [] {
    auto error = fail(Errc::Io, fmt::format("set up TLS: {}", openssl_reason()));
    ERR_clear_error();
    return error;
  };
  if (context == nullptr) return failed();
  if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_ciphersuites(context, kCiphersTls13) != 1 ||
      SSL_CTX_set_cipher_list(context, kCiphersTls12) != 1 ||
      SSL_CTX_use_certificate(context, certificate.chain().front().get()) != 1 ||
      SSL_CTX_use_PrivateKey(context, certificate.key()) != 1) {
    return failed();
  }
  for (std::size_t i = 1; i < certificate.chain().size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, certificate.chain()[i].get()) != 1) return failed();
  }
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                   SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context,
                          0);  // clients of a relay stay; without, a login is a flight less
  SSL_CTX_set_alpn_select_cb(context, select_protocol, nullptr);
  SSL_CTX_set_client_hello_cb(context, heed_challenge, const_cast<TlsChallenges*>(challenges));
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, kReadAhead);
  return out;
}

asio::awaitable<Result<std::unique_ptr<ByteStream>>> accept_tls(const TlsServerContext* context,
                                                                tcp::socket socket,
                                                                TimePoint deadline) {
  boost::system::error_code ignored;
  socket.non_blocking(true, ignored);
  auto stream = TlsServerStream::create(std::move(socket), context->get());
  if (stream == nullptr) co_return fail(Errc::Io, "start TLS: out of memory");
  while (true) {
    const ByteStream::Status status = stream->handshake();
    if (status == ByteStream::Status::Done) break;
    if (status == ByteStream::Status::Closed) {
      co_return fail(Errc::Io, fmt::format("TLS handshake: {}", openssl_reason()));
    }
    const auto what =
        status == ByteStream::Status::WantRead ? tcp::socket::wait_read : tcp::socket::wait_write;
    const bool is_ready = co_await wait_ready(&stream->socket(), what, deadline);
    if (!is_ready) co_return fail(Errc::Timeout, "TLS handshake: took too long");
  }
  if (stream->was_challenge()) {
    stream->finish();
    co_return Result<std::unique_ptr<ByteStream>>(nullptr);
  }
  co_return Result<std::unique_ptr<ByteStream>>(std::move(stream));
}

}  // namespace warren::io
