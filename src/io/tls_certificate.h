#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/p256.h"

// The forms of OpenSSL's types, so that its headers stay in the source files.
struct evp_pkey_st;
struct x509_st;

namespace warren::io {

struct FreeX509 {
  void operator()(x509_st* certificate) const;
};

struct FreePrivateKey {
  void operator()(evp_pkey_st* key) const;
};

// What a TLS server shows: its certificate, those that vouch for it, and the private key.
class TlsCertificate {
 public:
  using Fingerprint = std::array<std::uint8_t, 32>;

  // A private key and certificates, the server's first.
  static Result<TlsCertificate> from_pem(std::string_view pem);

  // Self-signed (ECDSA on P-256), for names and addresses, valid from a day before `now` (clocks
  // differ) for ten years: those who trust it know its fingerprint.
  static Result<TlsCertificate> make_self_signed(const std::vector<std::string>& names,
                                                 WallTime now);

  // The one that is kept in the file; makes and keeps a new one when there is none, when it does
  // not cover all the names, or when it is not valid at `now`. The file is its owner's only: it
  // holds the key too.
  static Result<TlsCertificate> load_or_make(const std::string& path,
                                             const std::vector<std::string>& names,
                                             WallTime now);

  // What answers a challenge of tls-alpn-01 (RFC 8737 section 3): self-signed, for that name alone,
  // with the SHA-256 of the key authorization inside. Valid for a week around `now`.
  static Result<TlsCertificate> make_for_challenge(const std::string& name,
                                                   ByteView authorization_hash,
                                                   WallTime now);

  // Appends a self-signed certificate that only tells something to those that know its name
  // (spec: paths section 2.1 item 3): Ed25519, made for this run, valid for 30 days around `now`.
  Result<void> add_note(std::string_view common_name, std::uint64_t serial, WallTime now);

  bool covers(const std::vector<std::string>& names) const;  // each: a name or an address
  bool is_valid_at(WallTime now) const;

  struct Validity {
    WallTime not_before;
    WallTime not_after;

    bool operator==(const Validity&) const = default;
  };

  Validity validity() const;  // of the first certificate
  // What its authority's renewal information knows it by (RFC 9773 section 4.1); empty when it does
  // not say with which key it was signed.
  std::string renewal_id() const;
  Fingerprint fingerprint() const;  // SHA-256 of the first certificate's DER
  std::string to_pem() const;       // key and certificates

  // For a TLS context; borrowed.
  evp_pkey_st* key() const { return key_.get(); }

  const std::vector<std::unique_ptr<x509_st, FreeX509>>& chain() const { return chain_; }

 private:
  TlsCertificate() = default;

  std::unique_ptr<evp_pkey_st, FreePrivateKey> key_;
  std::vector<std::unique_ptr<x509_st, FreeX509>> chain_;
};

// A request for a certificate for these names, in DER (RFC 2986; RFC 8555 section 7.4).
Result<std::vector<std::uint8_t>> make_certificate_request(const P256PrivateKey& key,
                                                           const std::vector<std::string>& names);

}  // namespace warren::io
