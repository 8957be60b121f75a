#include "proto/ts2021/handshake.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "crypto/testing.h"
#include "proto/ts2021/testing.h"

namespace warren::ts2021 {
namespace {

MachinePrivateKey key_from(std::string_view hex) {
  return MachinePrivateKey(array_from_hex<kKeySize>(hex));
}

// Spec: control section 2.7.
const MachinePrivateKey kServer =
    key_from("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e5f");
const MachinePrivateKey kMachine =
    key_from("202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e7f");
constexpr std::uint16_t kVersion = 145;

StartedHandshake start() {
  PrescribedRandom random("404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f");
  auto out = start_handshake(kMachine, kServer.public_key(), kVersion, random);
  WARREN_CHECK(out.has_value());
  return std::move(*out);
}

TEST(Ts2021Handshake, WritesTheMessagesOfTheSpec) {
  const StartedHandshake started = start();
  EXPECT_EQ(
      to_hex(started.message),
      "009101006079a631eede1bf9c98f12032cdeadd0e7a079398fc786b88cc846ec89af85a51a5a5d3ec50c63b0e0"
      "156101cf138f46d05427ed87f592c2009bab26f178d726e3cd3848cdf4326e082406a72b79dbc7c056b1b87575"
      "2f9c7a75c4c7def456f375");
  const auto initiation = decode_initiation(started.message);
  ASSERT_TRUE(initiation);
  PrescribedRandom random("606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f");
  const auto accepted = accept_handshake(*initiation, kServer, random);
  ASSERT_TRUE(accepted);
  EXPECT_EQ(accepted->version, kVersion);
  EXPECT_EQ(accepted->machine, kMachine.public_key());
  EXPECT_EQ(
      to_hex(accepted->message),
      "020030675dd574ed7789310b3d2e7681f3790b466c773b1521fecf36577958371ea52f8eb04a0da90da516417b"
      "e2a70c887259");
  const auto answer = next_answer(accepted->message);
  ASSERT_TRUE(answer && *answer);
  const auto keys = finish_handshake(started, kMachine, **answer);
  ASSERT_TRUE(keys);
  EXPECT_EQ(keys->handshake_hash, accepted->keys.handshake_hash);
}

TEST(Ts2021Handshake, AnswersARecordedClientAsItsServerDid) {
  const RecordedConnection recorded = recorded_connection();
  const auto initiation = decode_initiation(recorded.initiation);
  ASSERT_TRUE(initiation);
  EXPECT_EQ(initiation->version, recorded.version);
  PrescribedRandom random(recorded.server_ephemeral);
  const auto accepted = accept_handshake(*initiation, key_from(recorded.server), random);
  ASSERT_TRUE(accepted);
  EXPECT_EQ(accepted->machine, key_from(recorded.machine).public_key());
  EXPECT_EQ(Bytes(accepted->message.begin(), accepted->message.end()), recorded.response);
  EXPECT_EQ(to_hex(accepted->keys.handshake_hash), recorded.handshake_hash);
}

TEST(Ts2021Handshake, RefusesAVersionThatWasChangedOnTheWay) {
  StartedHandshake started = start();
  started.message[1] ^= 1;
  const auto initiation = decode_initiation(started.message);
  ASSERT_TRUE(initiation);
  SeededRandom random(1);
  EXPECT_FALSE(accept_handshake(*initiation, kServer, random));
}

TEST(Ts2021Handshake, RefusesInitiationsOfAnotherShape) {
  const StartedHandshake started = start();
  Bytes message(started.message.begin(), started.message.end());
  for (std::size_t n = 0; n < message.size(); ++n) {
    EXPECT_EQ(decode_initiation(ByteView(message).first(n)).error(), DecodeError::Truncated) << n;
  }
  message.push_back(0);
  EXPECT_EQ(decode_initiation(message).error(), DecodeError::BadLength);
  message.pop_back();
  message[4] ^= 1;
  EXPECT_EQ(decode_initiation(message).error(), DecodeError::BadLength);
  message[4] ^= 1;
  message[2] = 2;
  EXPECT_EQ(decode_initiation(message).error(), DecodeError::NotThisMessage);
}

TEST(Ts2021Handshake, ReadsAnErrorThatMayBeCutAnywhere) {
  Bytes stream = encode_error("unsupported handshake");
  const std::size_t size = stream.size();
  stream.push_back(4);  // what follows is not looked at
  for (std::size_t n = 0; n < size; ++n) {
    const auto answer = next_answer(ByteView(stream).first(n));
    ASSERT_TRUE(answer);
    EXPECT_FALSE(*answer) << n;
  }
  const auto answer = next_answer(stream);
  ASSERT_TRUE(answer && *answer);
  EXPECT_EQ((*answer)->type, FrameType::Error);
  EXPECT_EQ(as_text((*answer)->payload), "unsupported handshake");
  EXPECT_EQ((*answer)->size(), size);
  EXPECT_FALSE(finish_handshake(start(), kMachine, **answer));
}

TEST(Ts2021Handshake, RefusesAnswersOfAnotherShapeAtTheirHeader) {
  EXPECT_EQ(next_answer(from_hex("020031")).error(), DecodeError::BadLength);
  EXPECT_EQ(next_answer(from_hex("02002f")).error(), DecodeError::BadLength);
  EXPECT_EQ(next_answer(from_hex("031000")).error(), DecodeError::BadLength);
  EXPECT_EQ(next_answer(from_hex("040030")).error(), DecodeError::NotThisMessage);
  EXPECT_EQ(next_answer(from_hex("485454")).error(), DecodeError::NotThisMessage);  // "HTT"
}

TEST(Ts2021Handshake, CutsAnErrorAtTheFrameLimit) {
  EXPECT_EQ(encode_error(std::string(5000, 'x')).size(), kMaxFrameSize);
}

TEST(Ts2021Handshake, DoesNotStartTowardsAKeyThatIsNone) {
  SeededRandom random(1);
  EXPECT_FALSE(start_handshake(kMachine, MachinePublicKey(), kVersion, random));
}

}  // namespace
}  // namespace warren::ts2021
