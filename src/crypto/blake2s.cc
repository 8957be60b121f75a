#include "crypto/blake2s.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/result.h"

namespace warren {
namespace {

constexpr std::size_t kHmacBlock = 64;    // RFC 7693 section 2.1: the block of BLAKE2s
constexpr std::size_t kMaxMacKey = 32;    // RFC 7693 section 2.1: the longest key of BLAKE2s
constexpr std::uint8_t kInnerPad = 0x36;  // RFC 2104 section 2
constexpr std::uint8_t kOuterPad = 0x5c;  // RFC 2104 section 2

EVP_MD_CTX* new_digest() {
  static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "BLAKE2s-256", nullptr);
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  WARREN_CHECK(context != nullptr && EVP_DigestInit_ex2(context, algorithm, nullptr) == 1);
  return context;
}

EVP_MAC_CTX* new_mac16() {
  static EVP_MAC* const algorithm = EVP_MAC_fetch(nullptr, "BLAKE2SMAC", nullptr);
  EVP_MAC_CTX* const context = EVP_MAC_CTX_new(algorithm);
  std::size_t size = std::tuple_size_v<Mac16>;
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
                               OSSL_PARAM_construct_end()};
  WARREN_CHECK(context != nullptr && EVP_MAC_CTX_set_params(context, params) == 1);
  return context;
}

// The library's objects cost more to make than a hash costs to compute: one set for each thread.
// A MAC then allocates nothing; OpenSSL 3.0 still makes the digest's inner state anew for each
// hash.
struct Contexts {
  EVP_MD_CTX* digest = new_digest();
  EVP_MAC_CTX* mac16 = new_mac16();

  Contexts() = default;
  Contexts(const Contexts&) = delete;
  Contexts& operator=(const Contexts&) = delete;

  ~Contexts() {
    EVP_MAC_CTX_free(mac16);
    EVP_MD_CTX_free(digest);
  }
};

Contexts& contexts() {
  thread_local Contexts mine;
  return mine;
}

// One hash, in pieces. Only one lives at a time: they share the thread's context.
class Hasher {
 public:
  Hasher() : context_(contexts().digest) {
    WARREN_CHECK(EVP_DigestInit_ex2(context_, nullptr, nullptr) == 1);
  }

  void add(ByteView bytes) {
    WARREN_CHECK(EVP_DigestUpdate(context_, bytes.data(), bytes.size()) == 1);
  }

  void finish(std::span<std::uint8_t, 32> out) {
    WARREN_CHECK(EVP_DigestFinal_ex(context_, out.data(), nullptr) == 1);
  }

 private:
  EVP_MD_CTX* context_;
};

void extract(SymmetricKey& t1, SymmetricKey& prk, ByteView key, ByteView input) {
  static constexpr std::uint8_t kFirst[] = {1};
  hmac_blake2s(prk, key, {input});
  hmac_blake2s(t1, prk.bytes(), {kFirst});
}

void expand(SymmetricKey& t,
            const SymmetricKey& prk,
            const SymmetricKey& previous,
            std::uint8_t n) {
  hmac_blake2s(t, prk.bytes(), {previous.bytes(), ByteView(&n, 1)});
}

}  // namespace

Blake2sHash blake2s(std::initializer_list<ByteView> parts) {
  Hasher hasher;
  for (const ByteView part : parts) hasher.add(part);
  Blake2sHash out{};
  hasher.finish(out);
  return out;
}

Mac16 blake2s_mac16(ByteView key, ByteView data) {
  static constexpr std::array<std::uint8_t, kMaxMacKey> kNoKey{};
  WARREN_CHECK(!key.empty() && key.size() <= kMaxMacKey);
  EVP_MAC_CTX* const context = contexts().mac16;
  Mac16 out{};
  WARREN_CHECK(EVP_MAC_init(context, key.data(), key.size(), nullptr) == 1);
  WARREN_CHECK(EVP_MAC_update(context, data.data(), data.size()) == 1);
  WARREN_CHECK(EVP_MAC_final(context, out.data(), nullptr, out.size()) == 1);
  // The context remembers its key (a cookie is secret): give it another.
  WARREN_CHECK(EVP_MAC_init(context, kNoKey.data(), kNoKey.size(), nullptr) == 1);
  return out;
}

void hmac_blake2s(SymmetricKey& out, ByteView key, std::initializer_list<ByteView> parts) {
  Secret<kHmacBlock> pad;
  const auto block = pad.mutable_bytes();
  if (key.size() > kHmacBlock) {
    Hasher hasher;
    hasher.add(key);
    hasher.finish(block.first<32>());
  } else {
    std::ranges::copy(key, block.begin());
  }
  for (std::uint8_t& byte : block) byte ^= kInnerPad;

  Secret<32> inner;
  Hasher inside;
  inside.add(block);
  for (const ByteView part : parts) inside.add(part);
  inside.finish(inner.mutable_bytes());

  for (std::uint8_t& byte : block) byte ^= kInnerPad ^ kOuterPad;
  Hasher outside;
  outside.add(block);
  outside.add(inner.bytes());
  outside.finish(out.mutable_bytes());
}

void kdf1(SymmetricKey& t1, ByteView key, ByteView input) {
  SymmetricKey prk;
  extract(t1, prk, key, input);
}

void kdf2(SymmetricKey& t1, SymmetricKey& t2, ByteView key, ByteView input) {
  SymmetricKey prk;
  extract(t1, prk, key, input);
  expand(t2, prk, t1, 2);
}

void kdf3(SymmetricKey& t1, SymmetricKey& t2, SymmetricKey& t3, ByteView key, ByteView input) {
  SymmetricKey prk;
  extract(t1, prk, key, input);
  expand(t2, prk, t1, 2);
  expand(t3, prk, t2, 3);
}

}  // namespace warren
