#include "proto/ts2021/early_noise.h"

#include <gtest/gtest.h>

#include "proto/ts2021/testing.h"

namespace warren::ts2021 {
namespace {

// Recorded from a stock server (golden data, control/noise-connection.jsonl.gz).
constexpr std::string_view kChallenge =
    "4139aee63f697def00d61cf60c50f5e0672b95a296917b3911566f403f50404a";
const Bytes kRecorded = from_hex(
    "ffffff54530000005f7b226e6f64654b65794368616c6c656e6765223a226368616c7075623a343133396165653633"
    "6636393764656630306436316366363063353066356530363732623935613239363931376233393131353636663430"
    "3366353034303461227d");

// HTTP/2 SETTINGS without entries.
const Bytes kSettings = from_hex("000000040000000000");

Bytes concat(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST(EarlyNoise, WritesWhatAStockServerWrites) {
  EXPECT_EQ(encode_early_noise(ChallengePublicKey(array_from_hex<kKeySize>(kChallenge))),
            kRecorded);
}

TEST(EarlyNoise, IsTakenOutAndLeftAloneHoweverTheStreamIsCut) {
  const Bytes with = concat(kRecorded, kSettings);
  for (std::size_t cut = 0; cut <= with.size(); ++cut) {
    EarlyNoiseFilter filter;
    Bytes out;
    ASSERT_TRUE(filter.pass(ByteView(with).first(cut), out)) << cut;
    ASSERT_TRUE(filter.pass(ByteView(with).subspan(cut), out)) << cut;
    EXPECT_EQ(out, kSettings) << cut;
    EXPECT_TRUE(filter.was_present());
  }
  for (std::size_t cut = 0; cut <= kSettings.size(); ++cut) {
    EarlyNoiseFilter filter;
    Bytes out;
    ASSERT_TRUE(filter.pass(ByteView(kSettings).first(cut), out)) << cut;
    EXPECT_EQ(out.size(), cut);  // nothing is held back that can be no EarlyNoise
    ASSERT_TRUE(filter.pass(ByteView(kSettings).subspan(cut), out)) << cut;
    EXPECT_EQ(out, kSettings) << cut;
    EXPECT_FALSE(filter.was_present());
  }
}

TEST(EarlyNoise, IsTakenOutByteByByteAndOnlyOnce) {
  const Bytes stream = concat(kRecorded, concat(kSettings, kRecorded));
  EarlyNoiseFilter filter;
  Bytes out;
  for (const std::uint8_t byte : stream) ASSERT_TRUE(filter.pass(ByteView(&byte, 1), out));
  EXPECT_EQ(out, concat(kSettings, kRecorded));
}

TEST(EarlyNoise, GivesBackABeginningThatWasNone) {
  EarlyNoiseFilter filter;
  Bytes out;
  const Bytes almost = from_hex("ffffff5452");
  ASSERT_TRUE(filter.pass(ByteView(almost).first(4), out));
  EXPECT_TRUE(out.empty());
  ASSERT_TRUE(filter.pass(ByteView(almost).subspan(4), out));
  EXPECT_EQ(out, almost);
}

TEST(EarlyNoise, MayBeEmptyButNotEndless) {
  EarlyNoiseFilter empty;
  Bytes out;
  ASSERT_TRUE(empty.pass(from_hex("ffffff545300000000"), out));
  ASSERT_TRUE(empty.pass(kSettings, out));
  EXPECT_EQ(out, kSettings);
  EarlyNoiseFilter endless;
  out.clear();
  EXPECT_EQ(endless.pass(from_hex("ffffff545300a00001"), out).error(), DecodeError::BadLength);
  EXPECT_EQ(endless.pass(kSettings, out).error(), DecodeError::BadLength);
  EXPECT_TRUE(out.empty());
}

}  // namespace
}  // namespace warren::ts2021
