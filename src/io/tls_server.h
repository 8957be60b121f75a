#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "base/result.h"
#include "base/time.h"
#include "io/byte_stream.h"
#include "io/tls_certificate.h"

struct ssl_ctx_st;

namespace warren::io {

// Certificates that answer an authority's challenges (RFC 8737): for whoever asks for that name
// with the protocol "acme-tls/1" alone, and for nobody else. One thread.
class TlsChallenges {
 public:
  static constexpr std::size_t kMost = 16;

  // False when there are too many. `name` is in lower case.
  bool add(const std::string& name, TlsCertificate certificate);

  void clear() { certificates_.clear(); }

  const TlsCertificate* find(std::string_view name) const;

 private:
  std::map<std::string, TlsCertificate, std::less<>> certificates_;
};

// What the TLS connections of a server share: TLS 1.2 or later, HTTP/1.1 only. One thread.
class TlsServerContext {
 public:
  // `challenges`, if any, outlive the context and all its connections.
  static Result<TlsServerContext> create(const TlsCertificate& certificate,
                                         const TlsChallenges* challenges = nullptr);

  ssl_ctx_st* get() const { return context_.get(); }

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };

  explicit TlsServerContext(ssl_ctx_st* context) : context_(context) {}

  std::unique_ptr<ssl_ctx_st, Free> context_;
};

// The server's side of a handshake. OpenSSL reads from the socket itself: asio::ssl::stream would
// copy every record once more each way, and hold 70 KiB for each idle connection (spec: data-plane
// section 6). `context` outlives the call, not necessarily the stream. Null without an error: this
// was an authority's challenge, which the handshake has answered.
boost::asio::awaitable<Result<std::unique_ptr<ByteStream>>> accept_tls(
    const TlsServerContext* context, boost::asio::ip::tcp::socket socket, TimePoint deadline);

}  // namespace warren::io
