#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>

#include "acme/service.h"
#include "base/log.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "io/tls_certificate.h"
#include "io/tls_server.h"
#include "main/server/config.h"
#include "proto/control/server_url.h"

// Which certificate the server shows (spec: server section 7.1, tls.mode).
namespace warren::server {

enum class CertificateSource : std::uint8_t {
  Own,    // made by the server itself: nodes know it by its fingerprint
  Files,  // of the configuration
  Acme,   // of an authority that everybody trusts; our own until there is one
};

std::string_view to_string(CertificateSource source);

// A name of DNS that an authority could look up: no address, not one for use inside (RFC 6761,
// RFC 6762, RFC 8375).
bool is_public_name(std::string_view host);

// What the configuration says. An error, with what to do, when ACME is demanded and cannot work.
Result<CertificateSource> certificate_source(const Config& config,
                                             const control::ServerUrl& address);

struct Certificate {
  io::TlsCertificate tls;
  CertificateSource source = CertificateSource::Own;
};

// `acme` may be null unless the source is Acme.
Result<Certificate> load_certificate(const Config& config,
                                     const control::ServerUrl& address,
                                     const acme::Service* acme,
                                     WallTime now);

// The service that gets certificates as the configuration says. References outlive it.
Result<std::unique_ptr<acme::Service>> make_acme(const boost::asio::any_io_executor& executor,
                                                 const Config& config,
                                                 const control::ServerUrl& address,
                                                 io::TlsChallenges& challenges,
                                                 Random& random,
                                                 const WallClock& wall_clock,
                                                 const Log& log);

// What is shown, for people: kept by the program while connections come and go.
struct CertificateView {
  CertificateSource source = CertificateSource::Own;
  WallTime not_after;
};

// `acme` may be null. As "certificate" in the server's status.
std::string certificate_json(const CertificateView& view, const acme::Service* acme);

}  // namespace warren::server
