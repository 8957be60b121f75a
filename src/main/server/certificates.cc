#include "main/server/certificates.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/ip_address.h"
#include "base/json_object.h"
#include "base/secret.h"
#include "io/file.h"

namespace warren::server {
namespace {

constexpr std::size_t kMaxPem = std::size_t{1} << 20;
constexpr std::uint16_t kHttpsPort = 443;  // RFC 8737 section 3: where an authority looks
// Let's Encrypt's (letsencrypt.org/docs/acme-protocol-updates,
// letsencrypt.org/docs/staging-environment).
constexpr const char* kDirectory = "https://acme-v02.api.letsencrypt.org/directory";
constexpr const char* kStagingDirectory = "https://acme-staging-v02.api.letsencrypt.org/directory";

void wipe_text(std::string& text) {
  wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
}

Result<io::TlsCertificate> load_files(const TlsConfig& config) {
  WARREN_TRY(std::string pem, io::read_file(config.certificate, kMaxPem));
  if (!config.key.empty()) {
    WARREN_TRY(std::string key, io::read_file(config.key, kMaxPem));
    pem += "\n" + key;
    wipe_text(key);
  }
  auto tls = io::TlsCertificate::from_pem(pem);
  wipe_text(pem);
  if (!tls) return with_context(config.certificate, std::move(tls).error());
  return tls;
}

std::vector<acme::Method> possible_methods(const Config& config,
                                           const control::ServerUrl& address) {
  std::vector<acme::Method> out;
  if (address.tls_port == kHttpsPort) out.push_back(acme::Method::TlsAlpn01);
  if (!config.listen.http.empty()) out.push_back(acme::Method::Http01);
  return out;
}

}  // namespace

std::string_view to_string(CertificateSource source) {
  switch (source) {
    case CertificateSource::Files:
      return "files";
    case CertificateSource::Acme:
      return "acme";
    case CertificateSource::Own:
      break;
  }
  return "own";
}

bool is_public_name(std::string_view host) {
  constexpr std::array<std::string_view, 9> kInside = {".internal", ".local",     ".localhost",
                                                       ".lan",      ".home.arpa", ".test",
                                                       ".invalid",  ".onion",     ".arpa"};
  const bool is_plain = std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
  return is_plain && host.contains('.') && !host.starts_with('.') && !host.ends_with('.') &&
         !host.contains("..") && !IpAddress::parse(host) &&
         std::ranges::none_of(kInside,
                              [&](std::string_view suffix) { return host.ends_with(suffix); });
}

Result<CertificateSource> certificate_source(const Config& config,
                                             const control::ServerUrl& address) {
  const TlsConfig& tls = config.tls;
  const bool is_demanded = tls.mode == TlsMode::Acme;
  if (tls.mode == TlsMode::Own) return CertificateSource::Own;
  if (tls.mode == TlsMode::Files) return CertificateSource::Files;
  if (!is_demanded && !tls.certificate.empty()) return CertificateSource::Files;
  if (!is_demanded && !tls.acme) return CertificateSource::Own;
  if (!is_public_name(address.host)) {
    if (!is_demanded) return CertificateSource::Own;
    return fail(Errc::InvalidArgument,
                fmt::format("tls.mode: an authority gives certificates for names in the public DNS "
                            "only, and {} is none: give this server a name, and say it in \"url\"",
                            address.host));
  }
  if (possible_methods(config, address).empty()) {
    return fail(Errc::InvalidArgument,
                "tls.acme: an authority looks at port 443 or 80 only: leave the port out of "
                "\"url\", or listen on port 80 with listen.http");
  }
  return CertificateSource::Acme;
}

Result<Certificate> load_certificate(const Config& config,
                                     const control::ServerUrl& address,
                                     const acme::Service* acme,
                                     WallTime now) {
  WARREN_TRY(const CertificateSource source, certificate_source(config, address));
  if (source == CertificateSource::Files) {
    WARREN_TRY(auto tls, load_files(config.tls));
    return Certificate{.tls = std::move(tls), .source = source};
  }
  if (source == CertificateSource::Acme) {
    if (acme == nullptr) return fail(Errc::Unsupported, "tls: ACME begins with a restart");
    auto kept = acme->certificate();  // a damaged one is not there: acme said so, and gets another
    if (kept && *kept && (**kept).covers({address.host}) && now < (**kept).validity().not_after) {
      return Certificate{.tls = std::move(**kept), .source = source};
    }
  }
  WARREN_TRY(auto own,
             io::TlsCertificate::load_or_make(config.state_dir + "/tls.pem", {address.host}, now));
  return Certificate{.tls = std::move(own), .source = CertificateSource::Own};
}

Result<std::unique_ptr<acme::Service>> make_acme(const boost::asio::any_io_executor& executor,
                                                 const Config& config,
                                                 const control::ServerUrl& address,
                                                 io::TlsChallenges& challenges,
                                                 Random& random,
                                                 const WallClock& wall_clock,
                                                 const Log& log) {
  const AcmeConfig settings = config.tls.acme.value_or(AcmeConfig{});
  acme::ServiceOptions options;
  options.directory = settings.directory;
  if (options.directory.empty())
    options.directory = settings.staging ? kStagingDirectory : kDirectory;
  options.name = address.host;
  options.email = settings.email;
  options.ca_file = settings.ca_file;
  options.state_directory = config.state_dir;
  options.methods = possible_methods(config, address);
  return acme::Service::create(executor, std::move(options), challenges, random, wall_clock, log);
}

std::string certificate_json(const CertificateView& view, const acme::Service* acme) {
  json::ObjectText out;
  out.text("source", to_string(view.source)).time("expires", view.not_after);
  if (acme != nullptr) {
    const acme::ServiceStatus status = acme->status();
    out.boolean("acme", true).text("error", status.error);
    out.time_if_any("next_try", status.next_try).time_if_any("renew_at", status.renew_at);
  }
  return out.done();
}

}  // namespace warren::server
