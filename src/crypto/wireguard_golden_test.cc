#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/aead.h"
#include "crypto/blake2s.h"
#include "crypto/packet_cipher.h"
#include "crypto/testing.h"
#include "crypto/x25519.h"

// The handshake of spec paths section 1.3 written out with our primitives, against the golden
// values of its appendix A: A initiates to B.
namespace warren {
namespace {

constexpr std::string_view kInitiation =
    "01000000111111115dfedd3b6bd47f6fa28ee15d969d5bb0ea53774d488bdaf9df1c6e0124b3ef220a26599fb2188b"
    "b723276fc173af67616c817fc32fd04d686d87ec152fac10eed2bda3bb3b6f1eded6977684082284d817fb46b3a7c9"
    "c078a9273ed6211c72e4b4a3810aecb4f98f45078897b5b5412e1527045c84aaf230b526f3c7";  // to mac1
constexpr std::string_view kResponse =
    "020000002222222211111111ac01b2209e86354fb853237b5de0f4fab13c7fcbf433a61c019369617fecf10b49c30e"
    "b926eb290e970d6120d032398acae3cacb1de438772b6a70675324adfc";  // to mac1
constexpr std::string_view kTimestamp = "400000006b015a9114000000";
constexpr std::string_view kT1 = "b30c71d520eb54edcf0ad32b6c2e5bdff747e6e2bf8a126ae52eb1c7140b4398";
constexpr std::string_view kT2 = "bc8d9cb5d3c1654d26eef4fab1426ff05fff238c2ddac280941197772e21c21c";
constexpr std::size_t kMac1At = 116;  // spec paths section 1.2
constexpr std::size_t kMac2At = 132;

template <class Key>
Key filled(std::uint8_t byte) {
  std::array<std::uint8_t, kKeySize> bytes{};
  bytes.fill(byte);
  return Key(bytes);
}

const NodePrivateKey& static_a() {
  static const auto key = filled<NodePrivateKey>(1);
  return key;
}

const NodePrivateKey& static_b() {
  static const auto key = filled<NodePrivateKey>(2);
  return key;
}

const EphemeralPrivateKey& ephemeral_a() {
  static const auto key = filled<EphemeralPrivateKey>(3);
  return key;
}

const EphemeralPrivateKey& ephemeral_b() {
  static const auto key = filled<EphemeralPrivateKey>(4);
  return key;
}

// Chaining key and hash.
struct Noise {
  SymmetricKey c;
  Blake2sHash h{};

  Noise() {
    const Blake2sHash c0 = blake2s({as_bytes("Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s")});
    c = SymmetricKey(c0);
    h = blake2s({c0, as_bytes("WireGuard v1 zx2c4 Jason@zx2c4.com")});
  }

  void mix(ByteView bytes) { h = blake2s({h, bytes}); }

  Bytes seal_and_mix(const SymmetricKey& key, ByteView plaintext) {
    Bytes out(plaintext.size() + kAeadTagSize);
    aead_seal(out, key, 0, plaintext, h);
    mix(out);
    return out;
  }
};

template <class A, class B>
SharedSecret dh(const PrivateKey<A>& ours, const PublicKey<B>& theirs) {
  SharedSecret out;
  WARREN_CHECK(x25519(out, ours, theirs));
  return out;
}

Bytes join(std::initializer_list<ByteView> parts) {
  Bytes out;
  for (const ByteView part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

Blake2sHash mac1_key(const NodePublicKey& recipient) {
  return blake2s({as_bytes("mac1----"), recipient.bytes()});
}

void append_mac1(Bytes& message, const NodePublicKey& recipient) {
  const Mac16 mac = blake2s_mac16(mac1_key(recipient), message);
  message.insert(message.end(), mac.begin(), mac.end());
}

Bytes initiation(Noise& noise) {
  const NodePublicKey responder = static_b().public_key();
  const EphemeralPublicKey ephemeral = ephemeral_a().public_key();
  SymmetricKey k;
  noise.mix(responder.bytes());
  kdf1(noise.c, noise.c.bytes(), ephemeral.bytes());
  noise.mix(ephemeral.bytes());
  kdf2(noise.c, k, noise.c.bytes(), dh(ephemeral_a(), responder).bytes());
  const Bytes sealed_static = noise.seal_and_mix(k, static_a().public_key().bytes());
  kdf2(noise.c, k, noise.c.bytes(), dh(static_a(), responder).bytes());
  const Bytes sealed_time = noise.seal_and_mix(k, from_hex(kTimestamp));
  Bytes message =
      join({from_hex("0100000011111111"), ephemeral.bytes(), sealed_static, sealed_time});
  append_mac1(message, responder);
  return message;
}

Bytes response(Noise& noise, const PresharedKey& psk) {
  const EphemeralPublicKey ephemeral = ephemeral_b().public_key();
  SymmetricKey tau;
  SymmetricKey k;
  noise.mix(ephemeral.bytes());
  kdf1(noise.c, noise.c.bytes(), ephemeral.bytes());
  kdf1(noise.c, noise.c.bytes(), dh(ephemeral_b(), ephemeral_a().public_key()).bytes());
  kdf1(noise.c, noise.c.bytes(), dh(ephemeral_b(), static_a().public_key()).bytes());
  kdf3(noise.c, tau, k, noise.c.bytes(), psk.bytes());
  noise.mix(tau.bytes());
  const Bytes nothing = noise.seal_and_mix(k, {});
  Bytes message = join({from_hex("020000002222222211111111"), ephemeral.bytes(), nothing});
  append_mac1(message, static_a().public_key());
  return message;
}

TEST(WireGuardGolden, StartsFromTheGoldenHashes) {
  const Noise noise;
  EXPECT_EQ(to_hex(noise.c.bytes()),
            "60e26daef327efc02ec335e2a025d2d016eb4206f87277f52d38d1988b78cd36");
  EXPECT_EQ(to_hex(noise.h), "2211b361081ac566691243db458ad5322d9c6c662293e8b70ee19c65ba079ef3");
  EXPECT_EQ(to_hex(mac1_key(static_b().public_key())),
            "8ac7c2b7fb4ed59b7e3ab6ef7a5949c7ab308f5ba01a2a15d6dfa872d8af0f43");
}

TEST(WireGuardGolden, ComputesTheHandshakeAndItsKeys) {
  Noise noise;
  EXPECT_EQ(to_hex(initiation(noise)), kInitiation);
  EXPECT_EQ(to_hex(response(noise, PresharedKey())), kResponse);
  SymmetricKey t1;
  SymmetricKey t2;
  kdf2(t1, t2, noise.c.bytes(), {});
  EXPECT_EQ(to_hex(t1.bytes()), kT1);
  EXPECT_EQ(to_hex(t2.bytes()), kT2);
}

TEST(WireGuardGolden, MixesAPresharedKey) {
  Noise noise;
  initiation(noise);
  const Bytes message = response(noise, filled<PresharedKey>(5));
  EXPECT_EQ(to_hex(ByteView(message).subspan(44, 32)),
            "eb60802b4ede5387566fbc7a9dbff4fa76c33afc3c0b58af82594dfbbeb9bbbd");
  SymmetricKey t1;
  SymmetricKey t2;
  kdf2(t1, t2, noise.c.bytes(), {});
  EXPECT_EQ(to_hex(t1.bytes()), "a18cc809fd05b6b5f99644cf506f89dce368c2f54a9dbeb9a384f36c274317ef");
}

TEST(WireGuardGolden, MakesTheCookieReplyAndMac2) {
  const Bytes message = from_hex(kInitiation);
  ASSERT_EQ(message.size(), kMac2At);
  const Bytes cookie = from_hex("a0a1a2a3a4a5a6a7a8a9aaabacadaeaf");
  const Blake2sHash key = blake2s({as_bytes("cookie--"), static_b().public_key().bytes()});
  EXPECT_EQ(to_hex(key), "39623c72c0367f5b460dccec5e4d92c918d0917d7fba9aea33119c4e3c9ae0d2");

  const auto nonce =
      array_from_hex<kXNonceSize>("000102030405060708090a0b0c0d0e0f1011121314151617");
  const ByteView mac1 = ByteView(message).subspan(kMac1At);
  Bytes sealed(cookie.size() + kAeadTagSize);
  xaead_seal(sealed, SymmetricKey(key), nonce, cookie, mac1);
  EXPECT_EQ(to_hex(sealed), "b22535962020ecaa56a1c876106ce742772a10131b1dafee052de2da4d0b4c95");
  Bytes opened(cookie.size());
  EXPECT_TRUE(xaead_open(opened, SymmetricKey(key), nonce, sealed, mac1));
  EXPECT_EQ(opened, cookie);

  EXPECT_EQ(to_hex(blake2s_mac16(cookie, message)), "9c17419e5b4c3134b04c652dfc812757");
}

class WireGuardGoldenPackets : public testing::TestWithParam<CipherChoice> {};

TEST_P(WireGuardGoldenPackets, SealsAndOpensKeepaliveAndData) {
  auto cipher = create_packet_cipher(GetParam());
  if (!cipher) GTEST_SKIP() << cipher.error().detail;
  const auto t1 = array_from_hex<32>(kT1);
  const auto t2 = array_from_hex<32>(kT2);
  Bytes keepalive(kAeadTagSize);
  Bytes data = from_hex("000102030405060708090a0b0c0d0e0f");
  data.resize(data.size() + kAeadTagSize);
  CipherJob jobs[] = {
      {.key = t1.data(), .counter = 0, .data = keepalive.data(), .size = 0},
      {.key = t2.data(), .counter = 0x0102, .data = data.data(), .size = 16},
  };
  (*cipher)->seal(jobs);
  EXPECT_EQ(to_hex(keepalive), "45576729b6ca056a23180fed4b237620");
  EXPECT_EQ(to_hex(data), "ffecfab6b8e74e313e8675d5ee2661ac35720fc6b26d4483b2788119aa769d09");

  (*cipher)->open(jobs);
  EXPECT_TRUE(jobs[0].ok);
  EXPECT_TRUE(jobs[1].ok);
  EXPECT_EQ(to_hex(ByteView(data).first(16)), "000102030405060708090a0b0c0d0e0f");
}

INSTANTIATE_TEST_SUITE_P(Backends,
                         WireGuardGoldenPackets,
                         testing::Values(CipherChoice::IpsecMb, CipherChoice::Evp));

}  // namespace
}  // namespace warren
