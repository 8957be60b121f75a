#include <openssl/evp.h>

#include "base/secret.h"
#include "crypto/aead.h"
#include "crypto/packet_cipher_backends.h"

// OpenSSL's ChaCha20-Poly1305 (spec: data-plane section 4.2).
namespace warren {
namespace {

constexpr std::size_t kNonceSize = 12;  // RFC 8439 section 2.8

struct FreeCipher {
  void operator()(EVP_CIPHER* cipher) const { EVP_CIPHER_free(cipher); }
};

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }  // wipes it
};

using Cipher = std::unique_ptr<EVP_CIPHER, FreeCipher>;
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

enum class Direction : std::uint8_t { Open, Seal };  // OpenSSL's 0 and 1

// One direction: the library's context and the key it holds.
class KeyedContext {
 public:
  KeyedContext(Context context, Direction direction)
      : context_(std::move(context)), direction_(direction) {}

  EVP_CIPHER_CTX* get() const { return context_.get(); }

  // Ready for one packet. The key is set only when it differs from the last packet's.
  bool start(const CipherJob& job) {
    const std::span<const std::uint8_t, kKeySize> key(job.key, kKeySize);
    const bool same_key = has_key_ && equal_constant_time(key, key_.bytes());
    std::array<std::uint8_t, kNonceSize> nonce{};
    store_le(nonce.data() + 4, job.counter);
    if (EVP_CipherInit_ex2(context_.get(), nullptr, same_key ? nullptr : key.data(), nonce.data(),
                           static_cast<int>(direction_), nullptr) != 1) {
      has_key_ = false;
      return false;
    }
    if (!same_key) key_ = SymmetricKey(key);
    has_key_ = true;
    return true;
  }

 private:
  Context context_;
  Direction direction_;
  SymmetricKey key_;
  bool has_key_ = false;
};

bool transform(EVP_CIPHER_CTX* context, const CipherJob& job) {
  // A keepalive has no text; the library wants no call for it.
  if (job.size == 0) return true;
  int written = 0;
  return EVP_CipherUpdate(context, job.data, &written, job.data, static_cast<int>(job.size)) == 1 &&
         written == static_cast<int>(job.size);
}

bool finish(EVP_CIPHER_CTX* context) {
  std::array<std::uint8_t, EVP_MAX_BLOCK_LENGTH> nothing{};  // a stream cipher has no last block
  int written = 0;
  return EVP_CipherFinal_ex(context, nothing.data(), &written) == 1;
}

class EvpPacketCipher final : public PacketCipher {
 public:
  EvpPacketCipher(Cipher cipher, Context sealing, Context opening)
      : cipher_(std::move(cipher)),
        sealing_(std::move(sealing), Direction::Seal),
        opening_(std::move(opening), Direction::Open) {}

  void seal(std::span<CipherJob> jobs) override {
    for (const CipherJob& job : jobs) {
      // A packet that is not sealed must not leave: the caller would send plaintext.
      WARREN_CHECK(sealing_.start(job) && transform(sealing_.get(), job) &&
                   finish(sealing_.get()) &&
                   EVP_CIPHER_CTX_ctrl(sealing_.get(), EVP_CTRL_AEAD_GET_TAG, kAeadTagSize,
                                       job.data + job.size) == 1);
    }
  }

  void open(std::span<CipherJob> jobs) override {
    for (CipherJob& job : jobs) {
      job.ok = opening_.start(job) &&
               EVP_CIPHER_CTX_ctrl(opening_.get(), EVP_CTRL_AEAD_SET_TAG, kAeadTagSize,
                                   job.data + job.size) == 1 &&
               transform(opening_.get(), job) && finish(opening_.get());
    }
  }

  std::string_view name() const override { return "evp"; }

 private:
  Cipher cipher_;  // the contexts refer to it
  KeyedContext sealing_;
  KeyedContext opening_;
};

Context make_context(const EVP_CIPHER* cipher, Direction direction) {
  Context context(EVP_CIPHER_CTX_new());
  if (context == nullptr || EVP_CipherInit_ex2(context.get(), cipher, nullptr, nullptr,
                                               static_cast<int>(direction), nullptr) != 1) {
    return nullptr;
  }
  return context;
}

}  // namespace

Result<std::unique_ptr<PacketCipher>> create_evp_packet_cipher() {
  Cipher cipher(EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr));
  if (cipher == nullptr) {
    return fail(Errc::Unsupported, "OpenSSL has no ChaCha20-Poly1305; see its openssl.cnf");
  }
  Context sealing = make_context(cipher.get(), Direction::Seal);
  Context opening = make_context(cipher.get(), Direction::Open);
  if (sealing == nullptr || opening == nullptr) {
    return fail(Errc::Unavailable, "OpenSSL cannot make a cipher context");
  }
  return std::make_unique<EvpPacketCipher>(std::move(cipher), std::move(sealing),
                                           std::move(opening));
}

}  // namespace warren
