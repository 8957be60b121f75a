#include "crypto/p256.h"

#include <algorithm>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>

namespace warren {

namespace {

template <class T, void (*free_it)(T*)>
struct FreeBy {
  void operator()(T* it) const { free_it(it); }
};

using KeyPointer = std::unique_ptr<EVP_PKEY, FreeBy<EVP_PKEY, EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, FreeBy<EVP_PKEY_CTX, EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, FreeBy<EVP_MD_CTX, EVP_MD_CTX_free>>;
using Number = std::unique_ptr<BIGNUM, FreeBy<BIGNUM, BN_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, FreeBy<ECDSA_SIG, ECDSA_SIG_free>>;
using BioPointer = std::unique_ptr<BIO, FreeBy<BIO, BIO_free_all>>;

constexpr std::size_t kMaxDer = 72;  // of two integers of 33 bytes in a sequence

bool is_p256(const EVP_PKEY* key) {
  char group[32];
  std::size_t size = 0;
  return EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group,
                                        &size) == 1 &&
         std::string_view(group, size) == "prime256v1";
}

bool read_coordinate(const EVP_PKEY* key, const char* name, MutableByteView out) {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &number) != 1) return false;
  const Number owned(number);
  const int size = static_cast<int>(out.size());
  return BN_bn2binpad(number, out.data(), size) == size;
}

KeyPointer to_openssl(const P256PublicKey& key) {
  std::array<std::uint8_t, 1 + 2 * kP256CoordinateSize> point{0x04};  // SEC 1 2.3.3: uncompressed
  std::ranges::copy(key.x, point.begin() + 1);
  std::ranges::copy(key.y, point.begin() + 1 + kP256CoordinateSize);
  char group[] = "P-256";
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
      OSSL_PARAM_construct_end()};
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* out = nullptr;
  if (context && EVP_PKEY_fromdata_init(context.get()) == 1) {
    EVP_PKEY_fromdata(context.get(), &out, EVP_PKEY_PUBLIC_KEY, parameters);
  }
  return KeyPointer(out);
}

}  // namespace

void P256PrivateKey::Free::operator()(evp_pkey_st* key) const {
  EVP_PKEY_free(key);
}

Result<P256PrivateKey> P256PrivateKey::generate() {
  P256PrivateKey out(EVP_EC_gen("P-256"));
  if (!out.key_) return fail(Errc::Io, "make a key: OpenSSL cannot");
  return out;
}

Result<P256PrivateKey> P256PrivateKey::from_pem(std::string_view pem) {
  const BioPointer bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  WARREN_CHECK(bio != nullptr);
  // Without a callback OpenSSL would ask the terminal for a password.
  const auto no_password = [](char*, int, int, void*) { return -1; };
  P256PrivateKey out(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  ERR_clear_error();
  if (!out.key_ || !is_p256(out.key_.get())) {
    return fail(Errc::InvalidArgument, "read a key: this is no private key on P-256 in PEM");
  }
  return out;
}

std::string P256PrivateKey::to_pem() const {
  const BioPointer bio(BIO_new(BIO_s_secmem()));
  WARREN_CHECK(bio != nullptr);
  WARREN_CHECK(PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr,
                                             nullptr) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

P256PublicKey P256PrivateKey::public_key() const {
  P256PublicKey out;
  WARREN_CHECK(read_coordinate(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X, out.x));
  WARREN_CHECK(read_coordinate(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y, out.y));
  return out;
}

Es256Signature P256PrivateKey::sign(ByteView message) const {
  const DigestContext context(EVP_MD_CTX_new());
  std::array<std::uint8_t, kMaxDer> der{};
  std::size_t size = der.size();
  WARREN_CHECK(context &&
               EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1);
  WARREN_CHECK(EVP_DigestSign(context.get(), der.data(), &size, message.data(), message.size()) ==
               1);
  const unsigned char* at = der.data();
  const Signature signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
  WARREN_CHECK(signature != nullptr);
  Es256Signature out;
  constexpr int kSize = kP256CoordinateSize;
  WARREN_CHECK(BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), out.data(), kSize) == kSize);
  WARREN_CHECK(BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), out.data() + kSize, kSize) == kSize);
  return out;
}

bool verify_es256(const P256PublicKey& key, ByteView message, const Es256Signature& signature) {
  const KeyPointer openssl_key = to_openssl(key);
  const Signature parsed(ECDSA_SIG_new());
  Number r(BN_bin2bn(signature.data(), kP256CoordinateSize, nullptr));
  Number s(BN_bin2bn(signature.data() + kP256CoordinateSize, kP256CoordinateSize, nullptr));
  if (!openssl_key || !parsed || !r || !s) return false;
  if (ECDSA_SIG_set0(parsed.get(), r.get(), s.get()) != 1) return false;
  static_cast<void>(r.release());
  static_cast<void>(s.release());
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(parsed.get(), &der);
  if (size <= 0) return false;
  const std::unique_ptr<unsigned char, void (*)(unsigned char*)> owned(
      der, [](unsigned char* bytes) { OPENSSL_free(bytes); });
  const DigestContext context(EVP_MD_CTX_new());
  const bool is_right =
      context &&
      EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, openssl_key.get()) == 1 &&
      EVP_DigestVerify(context.get(), der, static_cast<std::size_t>(size), message.data(),
                       message.size()) == 1;
  ERR_clear_error();
  return is_right;
}

}  // namespace warren
