#include "crypto/noise_ik.h"

#include <algorithm>
#include <functional>

#include <gtest/gtest.h>

#include "crypto/testing.h"

namespace warren {
namespace {

// Spec: control section 2.7, checked there against the stock implementation.
constexpr std::string_view kServer =
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e5f";
constexpr std::string_view kMachine =
    "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e7f";
constexpr std::string_view kClientEphemeral =
    "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f";
constexpr std::string_view kServerEphemeral =
    "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f";
constexpr std::string_view kPrologue = "Tailscale Control Protocol v145";
constexpr std::string_view kInitiation =
    "79a631eede1bf9c98f12032cdeadd0e7a079398fc786b88cc846ec89af85a51a5a5d3ec50c63b0e0156101cf138f46"
    "d05427ed87f592c2009bab26f178d726e3cd3848cdf4326e082406a72b79dbc7c056b1b875752f9c7a75c4c7def456"
    "f375";
constexpr std::string_view kResponse =
    "675dd574ed7789310b3d2e7681f3790b466c773b1521fecf36577958371ea52f8eb04a0da90da516417be2a70c8872"
    "59";
constexpr std::string_view kHash =
    "f18d9c28517f752a5ef5f1dbc6be15ca333f14b8796403b13b326eacba20119f";
constexpr std::string_view kKey1 =
    "8b2f6bbba15ce6d607c316355f2d3c93f62dcbe39b04eb873b5b2e2812dc71b6";
constexpr std::string_view kKey2 =
    "e8f7da7193cd2dd7834427bc5de410cc7fa42ea2bddb06906a91b23daf60a99b";

MachinePrivateKey machine_key(std::string_view hex) {
  return MachinePrivateKey(array_from_hex<kKeySize>(hex));
}

// Gives one key.
class Prescribed final : public Random {
 public:
  explicit Prescribed(std::string_view hex) : bytes_(from_hex(hex)) {}

  void fill(MutableByteView out) override { std::ranges::copy(bytes_, out.begin()); }

 private:
  Bytes bytes_;
};

struct Handshake {
  std::array<std::uint8_t, kNoiseInitiationSize> initiation{};
  std::array<std::uint8_t, kNoiseResponseSize> response{};
  std::optional<NoiseInitiation> initiator;
  std::optional<NoiseAccepted> accepted;
};

// The vector's handshake up to the response. `tamper` meets the initiation on its way.
Handshake run(const std::function<void(MutableByteView)>& tamper = {}) {
  Handshake out;
  Prescribed client_random(kClientEphemeral);
  out.initiator =
      noise_initiate(out.initiation, machine_key(kMachine), machine_key(kServer).public_key(),
                     as_bytes(kPrologue), client_random);
  if (tamper) tamper(out.initiation);
  Prescribed server_random(kServerEphemeral);
  out.accepted = noise_accept(out.response, machine_key(kServer), out.initiation,
                              as_bytes(kPrologue), server_random);
  return out;
}

void expect_vector_keys(const NoiseKeys& keys) {
  EXPECT_EQ(to_hex(keys.from_initiator.bytes()), kKey1);
  EXPECT_EQ(to_hex(keys.from_responder.bytes()), kKey2);
  EXPECT_EQ(to_hex(keys.handshake_hash), kHash);
}

TEST(NoiseIk, ComputesTheVectorOfTheSpec) {
  const Handshake handshake = run();
  EXPECT_EQ(to_hex(handshake.initiation), kInitiation);
  ASSERT_TRUE(handshake.accepted);
  EXPECT_EQ(to_hex(handshake.response), kResponse);
  EXPECT_EQ(handshake.accepted->initiator, machine_key(kMachine).public_key());
  expect_vector_keys(handshake.accepted->keys);
  ASSERT_TRUE(handshake.initiator);
  const auto keys = noise_finish(*handshake.initiator, machine_key(kMachine), handshake.response);
  ASSERT_TRUE(keys);
  expect_vector_keys(*keys);
}

TEST(NoiseIk, RefusesAnInitiationWithAnyByteChanged) {
  for (std::size_t i = 0; i < kNoiseInitiationSize; ++i) {
    const Handshake handshake = run([i](MutableByteView message) { message[i] ^= 1; });
    EXPECT_FALSE(handshake.accepted) << "byte " << i;
  }
}

TEST(NoiseIk, RefusesAResponseWithAnyByteChangedAndTakesTheRightOneAfterwards) {
  const Handshake handshake = run();
  for (std::size_t i = 0; i < kNoiseResponseSize; ++i) {
    auto response = handshake.response;
    response[i] ^= 1;
    EXPECT_FALSE(noise_finish(*handshake.initiator, machine_key(kMachine), response)) << i;
  }
  EXPECT_TRUE(noise_finish(*handshake.initiator, machine_key(kMachine), handshake.response));
}

TEST(NoiseIk, RefusesAnotherPrologueAndAnotherResponder) {
  const Handshake handshake = run();
  std::array<std::uint8_t, kNoiseResponseSize> response{};
  SeededRandom random(1);
  EXPECT_FALSE(noise_accept(response, machine_key(kServer), handshake.initiation,
                            as_bytes("Tailscale Control Protocol v146"), random));
  EXPECT_FALSE(noise_accept(response, machine_key(kMachine), handshake.initiation,
                            as_bytes(kPrologue), random));
}

TEST(NoiseIk, AbortsWhenADiffieHellmanGivesZero) {
  SeededRandom random(1);
  std::array<std::uint8_t, kNoiseInitiationSize> initiation{};
  EXPECT_FALSE(noise_initiate(initiation, machine_key(kMachine), MachinePublicKey(),
                              as_bytes(kPrologue), random));
  // A message with the zero point as ephemeral key can be made without any private key.
  const Handshake zero = run(
      [](MutableByteView message) { std::ranges::fill(message.first(kKeySize), std::uint8_t{0}); });
  EXPECT_FALSE(zero.accepted);
  const Handshake handshake = run();
  EXPECT_FALSE(noise_finish(*handshake.initiator, machine_key(kMachine),
                            std::array<std::uint8_t, kNoiseResponseSize>{}));
}

TEST(NoiseIk, AgreesOnFreshKeysEachTime) {
  SeededRandom random(7);
  const auto client = MachinePrivateKey::generate(random);
  const auto server = MachinePrivateKey::generate(random);
  Blake2sHash last{};
  for (int i = 0; i < 20; ++i) {
    Handshake run;
    run.initiator = noise_initiate(run.initiation, client, server.public_key(), {}, random);
    run.accepted = noise_accept(run.response, server, run.initiation, {}, random);
    ASSERT_TRUE(run.accepted);
    EXPECT_EQ(run.accepted->initiator, client.public_key());
    const auto keys = noise_finish(*run.initiator, client, run.response);
    ASSERT_TRUE(keys);
    EXPECT_EQ(keys->handshake_hash, run.accepted->keys.handshake_hash);
    EXPECT_NE(keys->handshake_hash, last);
    last = keys->handshake_hash;
  }
}

}  // namespace
}  // namespace warren
