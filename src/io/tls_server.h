#pragma once

#include <memory>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "base/result.h"
#include "base/time.h"
#include "io/byte_stream.h"
#include "io/tls_certificate.h"

struct ssl_ctx_st;

namespace warren::io {

// What the TLS connections of a server share: TLS 1.2 or later, HTTP/1.1 only. One thread.
class TlsServerContext {
 public:
  static Result<TlsServerContext> create(const TlsCertificate& certificate);

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
// section 6). `context` outlives the call, not necessarily the stream.
boost::asio::awaitable<Result<std::unique_ptr<ByteStream>>> accept_tls(
    const TlsServerContext* context, boost::asio::ip::tcp::socket socket, TimePoint deadline);

}  // namespace warren::io
