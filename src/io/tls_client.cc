#include "io/tls_client.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/hex.h"
#include "base/ip_address.h"
#include "io/tcp_dial.h"

namespace warren::io {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

// With AES in hardware GCM costs half of ChaCha20-Poly1305 (spec: data-plane section 6).
#if defined(__x86_64__) || defined(__aarch64__)
constexpr const char* kCiphers =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
#else
constexpr const char* kCiphers =
    "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384";
#endif

// What one read of the socket takes: four records.
constexpr std::size_t kReadAhead = std::size_t{64} << 10;

std::string openssl_reason() {
  const unsigned long code = ERR_peek_last_error();
  const char* const reason = ERR_reason_error_string(code);
  return reason == nullptr ? "connection lost" : reason;
}

int clamp_to_int(std::size_t size) {
  return static_cast<int>(std::min<std::size_t>(size, std::numeric_limits<int>::max()));
}

std::string common_name(const X509* certificate) {
  const X509_NAME* const subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return {};
  const ASN1_STRING* const text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

bool covers(X509* certificate, const std::string& name) {
  if (IpAddress::parse(name)) return X509_check_ip_asc(certificate, name.c_str(), 0) == 1;
  return X509_check_host(certificate, name.data(), name.size(), X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
                         nullptr) == 1;
}

std::array<std::uint8_t, 32> fingerprint(const X509* certificate) {
  std::array<std::uint8_t, 32> out{};
  unsigned size = 0;
  static_cast<void>(X509_digest(certificate, EVP_sha256(), out.data(), &size));
  return out;
}

// The rules of "sha256-raw:" in relay maps (spec: paths section 2.1).
Result<void> check_pinned(STACK_OF(X509) * chain, const TlsTarget& target) {
  X509* only = nullptr;
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    X509* const certificate = sk_X509_value(chain, i);
    if (!target.note_prefix.empty() && common_name(certificate).starts_with(target.note_prefix)) {
      continue;
    }
    if (only != nullptr) {
      return fail(Errc::PermissionDenied, "it shows several certificates where one is pinned");
    }
    only = certificate;
  }
  if (only == nullptr) return fail(Errc::PermissionDenied, "it shows no certificate");
  if (const auto seen = fingerprint(only); seen != target.pin) {
    return fail(Errc::PermissionDenied,
                fmt::format("its certificate is not the pinned one: sha256 {}, expected {}",
                            to_hex(seen), to_hex(target.pin)));
  }
  if (!target.server_name.empty() && !covers(only, target.server_name)) {
    return fail(Errc::PermissionDenied,
                fmt::format("its certificate is not for {}", target.server_name));
  }
  if (X509_cmp_current_time(X509_get0_notBefore(only)) > 0 ||
      X509_cmp_current_time(X509_get0_notAfter(only)) < 0) {
    return fail(Errc::PermissionDenied, "its certificate is not valid at this time");
  }
  return {};
}

// TlsClient takes a record at a time; what the socket does not take waits here.
class TlsClientStream final : public ByteStream {
 public:
  explicit TlsClientStream(std::unique_ptr<TlsClient> client) : client_(std::move(client)) {}

  Outcome read(MutableByteView out) override { return client_->read(out); }

  Status write(ByteView bytes) override {
    unsent_.insert(unsent_.end(), bytes.begin(), bytes.end());
    return flush();
  }

  Status flush() override {
    while (sent_ < unsent_.size()) {
      const auto outcome = client_->write(ByteView(unsent_).subspan(sent_));
      switch (outcome.status) {
        case Status::Done:
          sent_ += outcome.bytes;
          break;
        case Status::WantWrite:
          return Status::WantWrite;
        case Status::WantRead:  // a renegotiation (TLS 1.2): not with us
        case Status::Closed:
          return Status::Closed;
      }
    }
    unsent_ = std::vector<std::uint8_t>();  // most connections are idle, and hold nothing
    sent_ = 0;
    return Status::Done;
  }

  // TlsClient ends without a word.
  void finish() override {
    boost::system::error_code ignored;
    client_->socket().shutdown(tcp::socket::shutdown_send, ignored);
  }

  tcp::socket& socket() override { return client_->socket(); }

 private:
  std::unique_ptr<TlsClient> client_;
  std::vector<std::uint8_t> unsent_;
  std::size_t sent_ = 0;  // of them
};

}  // namespace

std::unique_ptr<ByteStream> make_tls_stream(std::unique_ptr<TlsClient> client) {
  return std::make_unique<TlsClientStream>(std::move(client));
}

// --- context

void TlsContext::Free::operator()(ssl_ctx_st* context) const {
  SSL_CTX_free(context);
}

namespace {

// The system's roots as files named by the hash of their subject, read one at a time when a chain
// ends there. One bundle of all of them, read at once, is a megabyte of memory for each context.
bool has_hashed_roots() {
  const char* const chosen = secure_getenv(X509_get_default_cert_dir_env());
  const std::filesystem::path directory = chosen != nullptr ? chosen : X509_get_default_cert_dir();
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() == ".0") return true;
  }
  return false;
}

bool use_system_roots(SSL_CTX* context) {
  const bool names_bundle = secure_getenv(X509_get_default_cert_file_env()) != nullptr;
  if (names_bundle || !has_hashed_roots()) return SSL_CTX_set_default_verify_paths(context) == 1;
  return SSL_CTX_set_default_verify_dir(context) == 1;
}

}  // namespace

Result<TlsContext> TlsContext::create() {
  TlsContext out(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* const context = out.get();
  if (context == nullptr) return fail(Errc::Io, "set up TLS: " + openssl_reason());
  if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_ciphersuites(context, kCiphers) != 1 || !use_system_roots(context)) {
    return fail(Errc::Io, "set up TLS: " + openssl_reason());
  }
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, kReadAhead);
  return out;
}

Result<void> TlsContext::trust(std::string_view pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  X509_STORE* const store = SSL_CTX_get_cert_store(context_.get());
  std::size_t count = 0;
  while (bio != nullptr) {
    const std::unique_ptr<X509, decltype(&X509_free)> next(
        PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), &X509_free);
    if (next == nullptr) break;
    if (X509_STORE_add_cert(store, next.get()) != 1) {
      return fail(Errc::Io, "trust a certificate: " + openssl_reason());
    }
    ++count;
  }
  ERR_clear_error();  // the end of the text
  if (count == 0) return fail(Errc::InvalidArgument, "trust a certificate: there is none in PEM");
  return {};
}

// --- connection

TlsClient::~TlsClient() {
  SSL_free(ssl_);
}

// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): outlives its clients
asio::awaitable<Result<std::unique_ptr<TlsClient>>> TlsClient::connect(TlsContext& context,
                                                                       tcp::socket socket,
                                                                       TlsTarget target,
                                                                       TimePoint deadline,
                                                                       CertificateFault* fault) {
  SSL* const ssl = SSL_new(context.get());
  if (ssl == nullptr) co_return fail(Errc::Io, "set up TLS: " + openssl_reason());
  std::unique_ptr<TlsClient> client(new TlsClient(std::move(socket), std::move(target), ssl));
  if (auto prepared = client->prepare(); !prepared)
    co_return unexpected(std::move(prepared).error());
  while (true) {
    ERR_clear_error();
    const int result = SSL_connect(ssl);
    if (result == 1) break;
    const Status status = client->status_of(result);
    if (status == Status::Closed) {
      if (fault != nullptr) *fault = client->certificate_fault();
      co_return fail(Errc::Unavailable, "TLS handshake: " + client->handshake_failure());
    }
    const auto what = status == Status::WantRead ? tcp::socket::wait_read : tcp::socket::wait_write;
    auto ready = co_await wait_ready(client->socket_, what, deadline);
    if (!ready) co_return with_context("TLS handshake", std::move(ready).error());
  }
  if (auto known = client->check_peer(); !known) {
    co_return with_context("TLS handshake", std::move(known).error());
  }
  co_return client;
}

Result<void> TlsClient::prepare() {
  const bool has_name = !target_.server_name.empty() && !IpAddress::parse(target_.server_name);
  bool ready = SSL_set_fd(ssl_, socket_.native_handle()) == 1;
  if (has_name) ready = ready && SSL_set_tlsext_host_name(ssl_, target_.server_name.c_str()) == 1;
  if (target_.check == TlsTarget::Check::Chain) {
    const std::string& name = target_.verify_name;
    if (name.empty()) return fail(Errc::InvalidArgument, "no name to check the certificate for");
    SSL_set_verify(ssl_, SSL_VERIFY_PEER, nullptr);
    SSL_set_hostflags(ssl_, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    ready = ready && (IpAddress::parse(name)
                          ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), name.c_str()) == 1
                          : SSL_set1_host(ssl_, name.c_str()) == 1);
  } else {
    SSL_set_verify(ssl_, SSL_VERIFY_NONE, nullptr);  // check_peer() does it
  }
  if (!ready) return fail(Errc::Io, "set up TLS: " + openssl_reason());
  return {};
}

Result<void> TlsClient::check_peer() const {
  if (target_.check != TlsTarget::Check::Pinned) return {};
  return check_pinned(SSL_get_peer_cert_chain(ssl_), target_);
}

std::string TlsClient::handshake_failure() const {
  const long verified = SSL_get_verify_result(ssl_);
  if (target_.check == TlsTarget::Check::Chain && verified != X509_V_OK) {
    return fmt::format("its certificate is not accepted for {}: {}", target_.verify_name,
                       X509_verify_cert_error_string(verified));
  }
  return openssl_reason();
}

CertificateFault TlsClient::certificate_fault() const {
  if (target_.check != TlsTarget::Check::Chain) return CertificateFault::None;
  switch (SSL_get_verify_result(ssl_)) {
    case X509_V_OK:
      return CertificateFault::None;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return CertificateFault::NotYetValid;
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return CertificateFault::Expired;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_UNTRUSTED:
      return CertificateFault::UnknownIssuer;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return CertificateFault::WrongName;
    default:
      return CertificateFault::Other;
  }
}

TlsClient::Status TlsClient::status_of(int result) const {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
      return Status::WantRead;
    case SSL_ERROR_WANT_WRITE:
      return Status::WantWrite;
    default:
      return Status::Closed;
  }
}

TlsClient::Outcome TlsClient::read(MutableByteView out) {
  ERR_clear_error();
  const int result = SSL_read(ssl_, out.data(), clamp_to_int(out.size()));
  if (result > 0) return {.status = Status::Done, .bytes = static_cast<std::size_t>(result)};
  return {.status = status_of(result), .bytes = 0};
}

TlsClient::Outcome TlsClient::write(ByteView bytes) {
  ERR_clear_error();
  const int result = SSL_write(ssl_, bytes.data(), clamp_to_int(bytes.size()));
  if (result > 0) return {.status = Status::Done, .bytes = static_cast<std::size_t>(result)};
  return {.status = status_of(result), .bytes = 0};
}

bool TlsClient::is_tls13() const {
  return SSL_version(ssl_) >= TLS1_3_VERSION;
}

std::optional<TlsNote> TlsClient::note() const {
  const STACK_OF(X509)* const chain = SSL_get_peer_cert_chain(ssl_);
  for (int i = 0; !target_.note_prefix.empty() && i < sk_X509_num(chain); ++i) {
    const X509* const certificate = sk_X509_value(chain, i);
    const std::string name = common_name(certificate);
    if (!name.starts_with(target_.note_prefix)) continue;
    TlsNote out{.text = name.substr(target_.note_prefix.size()), .serial = 0};
    if (ASN1_INTEGER_get_uint64(&out.serial, X509_get0_serialNumber(certificate)) != 1) continue;
    return out;
  }
  return std::nullopt;
}

}  // namespace warren::io
