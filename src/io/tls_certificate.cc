#include "io/tls_certificate.h"

#include <algorithm>
#include <ctime>
#include <limits>

#include <fmt/format.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "base/hex.h"
#include "base/ip_address.h"
#include "io/file.h"

namespace warren::io {

namespace {

constexpr std::size_t kMaxPem = std::size_t{256} << 10;
constexpr std::size_t kMaxChain = 16;
constexpr std::int64_t kDay = 86400;
constexpr std::int64_t kValidity = 3653 * kDay;        // ten years
constexpr std::int64_t kChallengeValidity = 3 * kDay;  // validation takes minutes; clocks differ
constexpr std::int64_t kNoteValidity = 30 * kDay;      // paths section 2.1 item 3, either side

constexpr const char* kAcmeIdentifier = "1.3.6.1.5.5.7.1.31";  // RFC 8737 section 6.1

using X509Pointer = std::unique_ptr<X509, FreeX509>;
using KeyPointer = std::unique_ptr<EVP_PKEY, FreePrivateKey>;

struct FreeRequest {
  void operator()(X509_REQ* request) const { X509_REQ_free(request); }
};

struct FreeObject {
  void operator()(ASN1_OBJECT* object) const { ASN1_OBJECT_free(object); }
};

struct FreeOctets {
  void operator()(ASN1_OCTET_STRING* octets) const { ASN1_OCTET_STRING_free(octets); }
};

struct FreeExtension {
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
};

struct FreeExtensions {
  void operator()(STACK_OF(X509_EXTENSION) * extensions) const {
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
  }
};

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
};

using BioPointer = std::unique_ptr<BIO, FreeBio>;

std::unexpected<Error> openssl_failure(std::string_view doing) {
  const unsigned long code = ERR_peek_last_error();
  const char* const reason = ERR_reason_error_string(code);
  auto out = fail(Errc::Io, fmt::format("{}: {}", doing, reason == nullptr ? "failed" : reason));
  ERR_clear_error();
  return out;
}

// A certificate for `key` with a subject, a serial number and a time, not yet signed.
struct Draft {
  std::string_view common_name;
  std::int64_t not_before = 0;
  std::int64_t not_after = 0;
};

bool set_common_name(X509* certificate, std::string_view name) {
  // Raw, because the other types refuse more than 64 characters (X.520's ub-common-name), and a
  // relay's note has 71.
  X509_NAME* const subject = X509_get_subject_name(certificate);
  return X509_NAME_add_entry_by_NID(subject, NID_commonName, V_ASN1_UTF8STRING,
                                    reinterpret_cast<const unsigned char*>(name.data()),
                                    static_cast<int>(name.size()), -1, 0) == 1 &&
         X509_set_issuer_name(certificate, subject) == 1;
}

bool add_extension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (extension == nullptr) return false;
  const bool added = X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

// RFC 8737 section 3: critical, and its value an OCTET STRING in the extension's own.
bool add_acme_identifier(X509* certificate, ByteView hash) {
  std::vector<std::uint8_t> der = {V_ASN1_OCTET_STRING, static_cast<std::uint8_t>(hash.size())};
  der.insert(der.end(), hash.begin(), hash.end());
  const std::unique_ptr<ASN1_OBJECT, FreeObject> type(OBJ_txt2obj(kAcmeIdentifier, 1));
  const std::unique_ptr<ASN1_OCTET_STRING, FreeOctets> value(ASN1_OCTET_STRING_new());
  if (!type || !value ||
      ASN1_OCTET_STRING_set(value.get(), der.data(), static_cast<int>(der.size())) != 1) {
    return false;
  }
  const std::unique_ptr<X509_EXTENSION, FreeExtension> extension(
      X509_EXTENSION_create_by_OBJ(nullptr, type.get(), 1, value.get()));
  return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

X509Pointer draft(const Draft& about, EVP_PKEY* key) {
  X509Pointer out(X509_new());
  if (!out || X509_set_version(out.get(), X509_VERSION_3) != 1 ||
      !set_common_name(out.get(), about.common_name) ||
      ASN1_TIME_set(X509_getm_notBefore(out.get()), about.not_before) == nullptr ||
      ASN1_TIME_set(X509_getm_notAfter(out.get()), about.not_after) == nullptr ||
      X509_set_pubkey(out.get(), key) != 1) {
    return nullptr;
  }
  return out;
}

bool set_random_serial(X509* certificate) {
  std::uint64_t serial = 0;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) != 1) return false;
  return ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1U) == 1;
}

// "DNS:relay.example.org,IP:192.0.2.1". A name that could be read as more than one is none.
Result<std::string> alternative_names(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) {
    const bool is_address = IpAddress::parse(name).has_value();
    const bool is_plain = std::ranges::all_of(name, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '-' || c == '.';
    });
    if (name.empty() || name.size() > 253 || (!is_address && !is_plain)) {
      return fail(
          Errc::InvalidArgument,
          fmt::format("make a certificate for \"{}\": that is no host name or address", name));
    }
    out += fmt::format("{}{}:{}", out.empty() ? "" : ",", is_address ? "IP" : "DNS", name);
  }
  if (out.empty()) {
    return fail(Errc::InvalidArgument, "make a certificate: it needs a name or an address");
  }
  return out;
}

WallTime to_wall_time(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return {.seconds = timegm(&parts)};
}

bool covers_name(X509* certificate, const std::string& name) {
  if (IpAddress::parse(name)) return X509_check_ip_asc(certificate, name.c_str(), 0) == 1;
  return X509_check_host(certificate, name.data(), name.size(), X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
                         nullptr) == 1;
}

}  // namespace

void FreeX509::operator()(x509_st* certificate) const {
  X509_free(certificate);
}

void FreePrivateKey::operator()(evp_pkey_st* key) const {
  EVP_PKEY_free(key);
}

Result<TlsCertificate> TlsCertificate::from_pem(std::string_view pem) {
  TlsCertificate out;
  const BioPointer for_key(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const BioPointer for_chain(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!for_key || !for_chain) return openssl_failure("read a certificate");
  out.key_.reset(PEM_read_bio_PrivateKey(for_key.get(), nullptr, nullptr, nullptr));
  if (!out.key_) return openssl_failure("read a TLS private key");
  while (out.chain_.size() < kMaxChain) {
    X509Pointer next(PEM_read_bio_X509(for_chain.get(), nullptr, nullptr, nullptr));
    if (!next) break;
    out.chain_.push_back(std::move(next));
  }
  if (out.chain_.empty()) return openssl_failure("read a certificate");
  ERR_clear_error();  // the end of the file
  if (X509_check_private_key(out.chain_.front().get(), out.key_.get()) != 1) {
    return openssl_failure("read a certificate: its key is another");
  }
  return out;
}

Result<TlsCertificate> TlsCertificate::make_self_signed(const std::vector<std::string>& names,
                                                        WallTime now) {
  WARREN_TRY(const std::string alternatives, alternative_names(names));
  TlsCertificate out;
  out.key_.reset(EVP_EC_gen("P-256"));
  if (!out.key_) return openssl_failure("make a TLS key");
  const Draft about{.common_name = std::string_view(names.front()).substr(0, 64),
                    .not_before = now.seconds - kDay,
                    .not_after = now.seconds + kValidity};
  X509Pointer certificate = draft(about, out.key_.get());
  if (!certificate || !set_random_serial(certificate.get()) ||
      !add_extension(certificate.get(), NID_basic_constraints, "critical,CA:FALSE") ||
      !add_extension(certificate.get(), NID_key_usage, "critical,digitalSignature") ||
      !add_extension(certificate.get(), NID_ext_key_usage, "serverAuth") ||
      !add_extension(certificate.get(), NID_subject_alt_name, alternatives) ||
      X509_sign(certificate.get(), out.key_.get(), EVP_sha256()) == 0) {
    return openssl_failure("make a certificate");
  }
  out.chain_.push_back(std::move(certificate));
  return out;
}

Result<TlsCertificate> TlsCertificate::load_or_make(const std::string& path,
                                                    const std::vector<std::string>& names,
                                                    WallTime now) {
  const auto kept = read_file(path, kMaxPem);
  if (kept) {
    auto certificate = from_pem(*kept);
    if (!certificate) {
      certificate.error().detail += ": move the file away, and a new one is made";
      return with_context(path, std::move(certificate).error());
    }
    if (certificate->covers(names) && certificate->is_valid_at(now)) return certificate;
  } else if (kept.error().code != Errc::NotFound) {
    return unexpected(kept.error());
  }
  WARREN_TRY(auto made, make_self_signed(names, now));
  WARREN_TRY_VOID(replace_file(path, made.to_pem(), 0600));
  return made;
}

Result<TlsCertificate> TlsCertificate::make_for_challenge(const std::string& name,
                                                          ByteView authorization_hash,
                                                          WallTime now) {
  WARREN_CHECK(authorization_hash.size() == 32);
  WARREN_TRY(const std::string alternatives, alternative_names({name}));
  TlsCertificate out;
  out.key_.reset(EVP_EC_gen("P-256"));
  if (!out.key_) return openssl_failure("make a TLS key");
  const Draft about{.common_name = "ACME challenge",
                    .not_before = now.seconds - kChallengeValidity,
                    .not_after = now.seconds + kChallengeValidity};
  X509Pointer certificate = draft(about, out.key_.get());
  if (!certificate || !set_random_serial(certificate.get()) ||
      !add_extension(certificate.get(), NID_subject_alt_name, alternatives) ||
      !add_acme_identifier(certificate.get(), authorization_hash) ||
      X509_sign(certificate.get(), out.key_.get(), EVP_sha256()) == 0) {
    return openssl_failure("make a certificate");
  }
  out.chain_.push_back(std::move(certificate));
  return out;
}

Result<void> TlsCertificate::add_note(std::string_view common_name,
                                      std::uint64_t serial,
                                      WallTime now) {
  const KeyPointer key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  if (!key) return openssl_failure("make a key");
  const Draft about{.common_name = common_name,
                    .not_before = now.seconds - kNoteValidity,
                    .not_after = now.seconds + kNoteValidity};
  X509Pointer note = draft(about, key.get());
  if (!note || ASN1_INTEGER_set_uint64(X509_get_serialNumber(note.get()), serial) != 1 ||
      !add_extension(note.get(), NID_basic_constraints, "critical,CA:FALSE") ||
      X509_sign(note.get(), key.get(), nullptr) == 0) {
    return openssl_failure("make a certificate");
  }
  chain_.push_back(std::move(note));
  return {};
}

bool TlsCertificate::covers(const std::vector<std::string>& names) const {
  return std::ranges::all_of(
      names, [&](const std::string& name) { return covers_name(chain_.front().get(), name); });
}

bool TlsCertificate::is_valid_at(WallTime now) const {
  time_t seconds = now.seconds;
  const X509* const certificate = chain_.front().get();
  return X509_cmp_time(X509_get0_notBefore(certificate), &seconds) < 0 &&
         X509_cmp_time(X509_get0_notAfter(certificate), &seconds) > 0;
}

TlsCertificate::Validity TlsCertificate::validity() const {
  const X509* const certificate = chain_.front().get();
  return {.not_before = to_wall_time(X509_get0_notBefore(certificate)),
          .not_after = to_wall_time(X509_get0_notAfter(certificate))};
}

std::string TlsCertificate::renewal_id() const {
  X509* const certificate = chain_.front().get();
  const ASN1_OCTET_STRING* const issuer = X509_get0_authority_key_id(certificate);
  // The bytes of the DER INTEGER, with the zero that keeps a large one positive.
  unsigned char* der = nullptr;
  const int size = i2d_ASN1_INTEGER(X509_get_serialNumber(certificate), &der);
  if (size < 0) return {};
  const std::vector<std::uint8_t> serial(der, der + size);
  OPENSSL_free(der);
  constexpr std::size_t kHeader = 2;  // tag and length: of at most 127 bytes
  if (issuer == nullptr || serial.size() <= kHeader || serial[1] >= 0x80) return {};
  const ByteView issuer_bytes(ASN1_STRING_get0_data(issuer),
                              static_cast<std::size_t>(ASN1_STRING_length(issuer)));
  return fmt::format("{}.{}", to_base64url(issuer_bytes),
                     to_base64url(ByteView(serial).subspan(kHeader)));
}

TlsCertificate::Fingerprint TlsCertificate::fingerprint() const {
  Fingerprint out{};
  unsigned size = 0;
  const int done = X509_digest(chain_.front().get(), EVP_sha256(), out.data(), &size);
  WARREN_CHECK(done == 1 && size == out.size());
  return out;
}

std::string TlsCertificate::to_pem() const {
  const BioPointer bio(BIO_new(BIO_s_secmem()));
  WARREN_CHECK(bio != nullptr);
  WARREN_CHECK(PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr,
                                             nullptr) == 1);
  for (const X509Pointer& certificate : chain_) {
    WARREN_CHECK(PEM_write_bio_X509(bio.get(), certificate.get()) == 1);
  }
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

Result<std::vector<std::uint8_t>> make_certificate_request(const P256PrivateKey& key,
                                                           const std::vector<std::string>& names) {
  WARREN_TRY(const std::string alternatives, alternative_names(names));
  const std::unique_ptr<X509_REQ, FreeRequest> request(X509_REQ_new());
  // The name is in the extension only: a common name is an old way to say it, and too short.
  std::unique_ptr<STACK_OF(X509_EXTENSION), FreeExtensions> extensions(
      sk_X509_EXTENSION_new_null());
  X509_EXTENSION* const extension =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, alternatives.c_str());
  if (extension == nullptr || !extensions ||
      sk_X509_EXTENSION_push(extensions.get(), extension) == 0) {
    X509_EXTENSION_free(extension);
    return openssl_failure("make a certificate request");
  }
  if (!request || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
      X509_REQ_add_extensions(request.get(), extensions.get()) != 1 ||
      X509_REQ_sign(request.get(), key.get(), EVP_sha256()) == 0) {
    return openssl_failure("make a certificate request");
  }
  unsigned char* der = nullptr;
  const int size = i2d_X509_REQ(request.get(), &der);
  if (size < 0) return openssl_failure("make a certificate request");
  std::vector<std::uint8_t> out(der, der + size);
  OPENSSL_free(der);
  return out;
}

}  // namespace warren::io
