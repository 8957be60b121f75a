#pragma once

#include <array>
#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/result.h"

// Certificates and server contexts for tests of those who connect.
namespace warren::io::testing {

struct FreeOpenSsl {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }

  void operator()(X509* certificate) const { X509_free(certificate); }

  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

using KeyPtr = std::unique_ptr<EVP_PKEY, FreeOpenSsl>;
using CertificatePtr = std::unique_ptr<X509, FreeOpenSsl>;
using ContextPtr = std::unique_ptr<SSL_CTX, FreeOpenSsl>;

struct CertificateOptions {
  std::string common_name = "relay.test";
  std::string alternative = "DNS:relay.test,IP:127.0.0.1";  // empty: none
  std::uint64_t serial = 1;
  long valid_from = -3600;  // seconds from now
  long valid_until = 3600;
};

inline KeyPtr make_key() {
  return KeyPtr(EVP_EC_gen("P-256"));
}

// Signed by its own key.
inline CertificatePtr make_certificate(EVP_PKEY* key, const CertificateOptions& options) {
  CertificatePtr out(X509_new());
  X509* const it = out.get();
  X509_set_version(it, X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(it), options.serial);
  X509_gmtime_adj(X509_getm_notBefore(it), options.valid_from);
  X509_gmtime_adj(X509_getm_notAfter(it), options.valid_until);
  X509_set_pubkey(it, key);
  X509_NAME* const name = X509_get_subject_name(it);
  // Raw, because a relay's meta certificate has a longer name than X.509 allows (spec: paths
  // section 2.1, item 3).
  const auto* text = reinterpret_cast<const unsigned char*>(options.common_name.data());
  WARREN_CHECK(X509_NAME_add_entry_by_NID(name, NID_commonName, V_ASN1_UTF8STRING, text,
                                          static_cast<int>(options.common_name.size()), -1,
                                          0) == 1);
  X509_set_issuer_name(it, name);
  if (!options.alternative.empty()) {
    X509_EXTENSION* const extension =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, options.alternative.c_str());
    X509_add_ext(it, extension, -1);
    X509_EXTENSION_free(extension);
  }
  WARREN_CHECK(X509_sign(it, key, EVP_sha256()) > 0);
  return out;
}

inline std::array<std::uint8_t, 32> sha256_of(const X509* certificate) {
  std::array<std::uint8_t, 32> out{};
  X509_digest(certificate, EVP_sha256(), out.data(), nullptr);
  return out;
}

// Shows the first certificate, whose key is `key`, and the others behind it.
inline ContextPtr make_server_context(EVP_PKEY* key,
                                      const std::vector<const X509*>& chain,
                                      int max_version = TLS1_3_VERSION) {
  ContextPtr out(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_set_max_proto_version(out.get(), max_version);
  WARREN_CHECK(SSL_CTX_use_certificate(out.get(), const_cast<X509*>(chain.front())) == 1);
  WARREN_CHECK(SSL_CTX_use_PrivateKey(out.get(), key) == 1);
  for (std::size_t i = 1; i < chain.size(); ++i) {
    WARREN_CHECK(SSL_CTX_add1_chain_cert(out.get(), const_cast<X509*>(chain[i])) == 1);
  }
  return out;
}

}  // namespace warren::io::testing
