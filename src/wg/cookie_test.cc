#include "wg/cookie.h"

#include <gtest/gtest.h>

#include "crypto/testing.h"

namespace warren::wg {
namespace {

NodePublicKey key_of_b() {
  return NodePublicKey(
      array_from_hex<32>("ce8d3ad1ccb633ec7b70c17814a5c76ecd029685050d344745ba05870e587d59"));
}

constexpr Endpoint kFrom{IpAddress::v4({192, 0, 2, 1}), 51820};

// The initiation of spec: paths appendix A, without macs.
Bytes unsigned_initiation() {
  return from_hex(
      "01000000111111115dfedd3b6bd47f6fa28ee15d969d5bb0ea53774d488bdaf9df1c6e0124b3ef220a26599fb218"
      "8bb723276fc173af67616c817fc32fd04d686d87ec152fac10eed2bda3bb3b6f1eded6977684082284d817fb46b3"
      "a7c9c078a9273ed6211c72e4b4a3810aecb4f98f4507889700000000000000000000000000000000000000000000"
      "00000000000000000000");
}

std::array<std::uint8_t, 24> golden_nonce() {
  std::array<std::uint8_t, 24> out{};
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(i);
  return out;
}

Cookie golden_cookie() {
  Cookie out{};
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(0xa0 + i);
  return out;
}

Mac16 mac1_of(ByteView message) {
  Mac16 out{};
  std::ranges::copy(message.last(32).first(16), out.begin());
  return out;
}

TEST(Cookie, DerivesTheGoldenKeys) {
  EXPECT_EQ(to_hex(derive_mac1_key(key_of_b()).bytes()),
            "8ac7c2b7fb4ed59b7e3ab6ef7a5949c7ab308f5ba01a2a15d6dfa872d8af0f43");
  EXPECT_EQ(to_hex(derive_cookie_key(key_of_b()).bytes()),
            "39623c72c0367f5b460dccec5e4d92c918d0917d7fba9aea33119c4e3c9ae0d2");
}

TEST(Cookie, SealsTheGoldenReplyAndSignsTheGoldenMac2) {
  Bytes message = unsigned_initiation();
  MessageSigner signer(key_of_b());
  signer.sign(message, TimePoint());
  EXPECT_EQ(to_hex(ByteView(message).last(16)), std::string(32, '0'));
  EXPECT_TRUE(mac1_is_valid(derive_mac1_key(key_of_b()), message));

  const auto reply = seal_cookie(derive_cookie_key(key_of_b()), 0x11111111, golden_nonce(),
                                 golden_cookie(), mac1_of(message));
  EXPECT_EQ(to_hex(reply.encrypted_cookie),
            "b22535962020ecaa56a1c876106ce742772a10131b1dafee052de2da4d0b4c95");
  ASSERT_TRUE(signer.take(reply, TimePoint()));
  signer.sign(message, TimePoint());
  EXPECT_EQ(to_hex(ByteView(message).last(16)), "9c17419e5b4c3134b04c652dfc812757");
}

TEST(Cookie, RefusesMac1OfAnotherRecipientOrAChangedMessage) {
  Bytes message = unsigned_initiation();
  MessageSigner(key_of_b()).sign(message, TimePoint());
  EXPECT_FALSE(mac1_is_valid(derive_mac1_key(NodePublicKey()), message));
  for (std::size_t i = 0; i < message.size() - 16; ++i) {
    Bytes bent = message;
    bent[i] ^= 0x80;
    EXPECT_FALSE(mac1_is_valid(derive_mac1_key(key_of_b()), bent)) << i;
  }
}

TEST(Cookie, IsTakenOnceAndOnlyForTheLastMessage) {
  Bytes message = unsigned_initiation();
  MessageSigner signer(key_of_b());
  const SymmetricKey key = derive_cookie_key(key_of_b());
  EXPECT_FALSE(signer.take(seal_cookie(key, 1, golden_nonce(), golden_cookie(), {}), TimePoint()));
  signer.sign(message, TimePoint());
  EXPECT_FALSE(signer.take(seal_cookie(key, 1, golden_nonce(), golden_cookie(), {}), TimePoint()));
  const auto reply = seal_cookie(key, 1, golden_nonce(), golden_cookie(), mac1_of(message));
  EXPECT_TRUE(signer.take(reply, TimePoint()));
  EXPECT_FALSE(signer.take(reply, TimePoint()));
}

TEST(Cookie, IsUsedForLessThan120Seconds) {
  Bytes message = unsigned_initiation();
  MessageSigner signer(key_of_b());
  signer.sign(message, TimePoint());
  ASSERT_TRUE(signer.take(seal_cookie(derive_cookie_key(key_of_b()), 1, golden_nonce(),
                                      golden_cookie(), mac1_of(message)),
                          TimePoint()));
  signer.sign(message, TimePoint(120s - 1ns));
  EXPECT_NE(to_hex(ByteView(message).last(16)), std::string(32, '0'));
  signer.sign(message, TimePoint(120s));
  EXPECT_EQ(to_hex(ByteView(message).last(16)), std::string(32, '0'));
}

struct Exchange {
  SeededRandom random{1};
  CookieChecker checker{random};
  MessageSigner signer{key_of_b()};
  Bytes message = unsigned_initiation();

  // The signer learns the cookie for kFrom at `now` and signs with it.
  void run(TimePoint now) {
    checker.set_public_key(key_of_b());
    signer.sign(message, now);
    EXPECT_FALSE(checker.mac2_is_valid(message, kFrom, now));
    EXPECT_TRUE(signer.take(checker.reply(message, 1, kFrom, now), now));
    signer.sign(message, now);
  }
};

TEST(Cookie, PassesTheCheckerThatGaveIt) {
  Exchange exchange;
  exchange.run(TimePoint());
  EXPECT_TRUE(exchange.checker.mac2_is_valid(exchange.message, kFrom, TimePoint(119s)));
}

TEST(Cookie, BelongsToOneAddressAndPort) {
  Exchange exchange;
  exchange.run(TimePoint());
  const Endpoint other_port{kFrom.address, 51821};
  const Endpoint other_address{IpAddress::v4({192, 0, 2, 2}), kFrom.port};
  EXPECT_FALSE(exchange.checker.mac2_is_valid(exchange.message, other_port, TimePoint()));
  EXPECT_FALSE(exchange.checker.mac2_is_valid(exchange.message, other_address, TimePoint()));
}

TEST(Cookie, DiesWithTheSecretAfter120Seconds) {
  Exchange exchange;
  exchange.run(TimePoint());
  EXPECT_FALSE(exchange.checker.mac2_is_valid(exchange.message, kFrom, TimePoint(120s)));
}

}  // namespace
}  // namespace warren::wg
