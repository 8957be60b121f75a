#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "io/byte_stream.h"

// The forms of OpenSSL's types, so that its headers stay in the source file.
struct ssl_ctx_st;
struct ssl_st;

namespace warren::io {

// Who must answer, and how that is known.
struct TlsTarget {
  enum class Check : std::uint8_t {
    Chain,   // a chain to the system's roots, for `verify_name`
    Pinned,  // its only certificate hashes to `pin`, is valid now, and covers `server_name` if any
    None,    // whoever answers: what is spoken inside proves who that is
  };

  std::string server_name;  // sent as SNI unless it is an address; may be empty
  Check check = Check::Chain;
  std::string verify_name;             // name or address
  std::array<std::uint8_t, 32> pin{};  // SHA-256 of the certificate's DER
  // A certificate that only tells something: its common name begins so. Pinned ignores it, and
  // TlsClient::note() is what it tells.
  std::string note_prefix;
};

// What is wrong with a certificate that Check::Chain refused.
enum class CertificateFault : std::uint8_t {
  None,
  NotYetValid,
  Expired,
  UnknownIssuer,
  WrongName,
  Other,
};

// What such a certificate says. Nobody vouches for it.
struct TlsNote {
  std::string text;  // the common name behind the prefix
  std::uint64_t serial = 0;

  bool operator==(const TlsNote&) const = default;
};

// What all TLS clients of a program share: the system's roots. One thread.
class TlsContext {
 public:
  static Result<TlsContext> create();

  // Certificates in PEM of authorities that it trusts beside the system's.
  Result<void> trust(std::string_view pem);

  TlsContext(TlsContext&&) noexcept = default;
  TlsContext& operator=(TlsContext&&) noexcept = default;

  ssl_ctx_st* get() const { return context_.get(); }

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };

  explicit TlsContext(ssl_ctx_st* context) : context_(context) {}

  std::unique_ptr<ssl_ctx_st, Free> context_;
};

// The client's end of a TLS connection (1.2 or later, no ALPN). OpenSSL works on the socket itself:
// asio::ssl::stream would copy every record once more each way (spec: data-plane section 6).
//
// SIGPIPE must be ignored, or blocked in the thread (io::Thread does).
class TlsClient {
 public:
  using Status = ByteStream::Status;
  using Outcome = ByteStream::Outcome;

  // Performs the handshake. An error says what is wrong with the other side's certificate; `fault`,
  // if any, outlives the call and tells it to programs.
  static boost::asio::awaitable<Result<std::unique_ptr<TlsClient>>> connect(
      TlsContext& context,
      boost::asio::ip::tcp::socket socket,
      TlsTarget target,
      TimePoint deadline,
      CertificateFault* fault = nullptr);

  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;
  ~TlsClient();  // without a word to the other side

  // At most a record. Call it until it wants: the socket tells nothing of what TLS has read
  // already.
  Outcome read(MutableByteView out);
  // A record for up to 16 KiB.
  Outcome write(ByteView bytes);

  boost::asio::ip::tcp::socket& socket() { return socket_; }

  bool is_tls13() const;
  std::optional<TlsNote> note() const;

 private:
  TlsClient(boost::asio::ip::tcp::socket socket, TlsTarget target, ssl_st* ssl)
      : socket_(std::move(socket)), target_(std::move(target)), ssl_(ssl) {}

  Result<void> prepare();
  Result<void> check_peer() const;
  std::string handshake_failure() const;
  CertificateFault certificate_fault() const;
  Status status_of(int result) const;

  boost::asio::ip::tcp::socket socket_;
  TlsTarget target_;
  ssl_st* const ssl_;
};

// For who speaks the same with and without TLS.
std::unique_ptr<ByteStream> make_tls_stream(std::unique_ptr<TlsClient> client);

}  // namespace warren::io
