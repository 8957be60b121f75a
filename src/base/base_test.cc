#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/hex.h"
#include "base/ip_address.h"
#include "base/log.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/snapshot.h"

namespace warren {
namespace {

TEST(Result, TryReturnsTheErrorAndDeclaresTheValue) {
  const auto half = [](int x) -> Result<int> {
    if (x % 2 != 0) return fail(Errc::InvalidArgument, "odd");
    return x / 2;
  };
  const auto quarter = [&](int x) -> Result<int> {
    WARREN_TRY(const int y, half(x));
    WARREN_TRY(const int z, half(y));
    return z;
  };
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error(), (Error{Errc::InvalidArgument, "odd"}));
}

TEST(Result, ErrnoErrorsSayWhatWasDoneAndWhy) {
  EXPECT_EQ(errno_error("open x", ENOENT),
            (Error{Errc::NotFound, "open x: No such file or directory"}));
  EXPECT_EQ(errno_error("remove address", EADDRNOTAVAIL).code, Errc::NotFound);
  EXPECT_EQ(with_context("start", Error{Errc::Io, "x"}).error().detail, "start: x");
}

TEST(ByteReader, StaysFailedAfterAReadPastTheEnd) {
  const std::array<std::uint8_t, 3> bytes{1, 2, 3};
  ByteReader in(bytes);
  EXPECT_EQ(in.be16(), 0x0102);
  EXPECT_EQ(in.le32(), 0U);
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(in.u8(), 0);
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(in.remaining(), 0U);
}

TEST(ByteWriter, WritesBothOrdersAndRefusesToOverrun) {
  std::array<std::uint8_t, 7> out{};
  ByteWriter writer(out);
  writer.le32(0x01020304);
  writer.be16(0x0506);
  EXPECT_TRUE(writer.ok());
  writer.le16(1);
  EXPECT_FALSE(writer.ok());
  EXPECT_EQ(writer.written(), 6U);
  EXPECT_EQ(to_hex(out), "04030201050600");
}

TEST(Hex, RoundTripsAndRejectsWhatIsNotHex) {
  std::array<std::uint8_t, 3> out{};
  EXPECT_TRUE(parse_hex("00fFa1", out));
  EXPECT_EQ(to_hex(out), "00ffa1");
  for (const auto* text : {"", "00ffa", "00ffa1b", "00ffa1b2", "00fg11", "00 f11"}) {
    EXPECT_FALSE(parse_hex(text, out)) << text;
  }
}

// RFC 4648 section 10.
TEST(Base64, MatchesTheRfcVectors) {
  for (const auto& [plain, text] : {std::pair{"", ""},
                                    {"f", "Zg=="},
                                    {"fo", "Zm8="},
                                    {"foo", "Zm9v"},
                                    {"foob", "Zm9vYg=="},
                                    {"fooba", "Zm9vYmE="},
                                    {"foobar", "Zm9vYmFy"}}) {
    EXPECT_EQ(to_base64(as_bytes(plain)), text);
    std::vector<std::uint8_t> out(std::string_view(plain).size());
    EXPECT_TRUE(parse_base64(text, out)) << text;
    EXPECT_EQ(as_text(out), plain);
  }
}

TEST(Base64, ForUrlsHasTwoOtherDigitsAndNoPadding) {
  const std::uint8_t bytes[] = {0xfb, 0xff, 0xbf, 0x00};
  EXPECT_EQ(to_base64(bytes), "+/+/AA==");
  EXPECT_EQ(to_base64url(bytes), "-_-_AA");
  EXPECT_EQ(to_base64url({}), "");
}

TEST(Base64, RejectsSecondSpellings) {
  std::array<std::uint8_t, 1> one{};
  EXPECT_FALSE(parse_base64("Zh==", one));
  EXPECT_FALSE(parse_base64("Zg=", one));
  EXPECT_FALSE(parse_base64("Zg", one));
  EXPECT_FALSE(parse_base64("Z===", one));
  EXPECT_FALSE(parse_base64("Zg=A", one));
  EXPECT_FALSE(parse_base64("Z-==", one));
}

TEST(IpAddress, ParsesAndPrintsBothFamilies) {
  EXPECT_EQ(IpAddress::parse("192.0.2.1")->to_string(), "192.0.2.1");
  EXPECT_EQ(IpAddress::parse("2001:DB8:0:0::1")->to_string(), "2001:db8::1");
  for (const auto* text :
       {"", "1.2.3", "1.2.3.4 ", "01.2.3.4x", ":::", "1::2::3", "fe80::1%eth0", "[::1]"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
  EXPECT_EQ(IpAddress::parse("::ffff:192.0.2.1")->unmapped(), IpAddress::v4({192, 0, 2, 1}));
  EXPECT_FALSE(IpAddress::parse("::192.0.2.1")->unmapped());
}

TEST(IpAddress, KnowsItsClasses) {
  EXPECT_TRUE(IpAddress::parse("127.9.9.9")->is_loopback());
  EXPECT_TRUE(IpAddress::parse("::1")->is_loopback());
  EXPECT_FALSE(IpAddress::parse("::2")->is_loopback());
  EXPECT_TRUE(IpAddress::parse("224.0.0.1")->is_multicast());
  EXPECT_TRUE(IpAddress::parse("ff02::1")->is_multicast());
  EXPECT_TRUE(IpAddress::parse("fe80::1")->is_link_local());
  EXPECT_TRUE(IpAddress::parse("169.254.1.1")->is_link_local());
  EXPECT_TRUE(IpAddress::parse("::")->is_unspecified());
}

TEST(IpPrefix, ClearsHostBitsAndContains) {
  const auto prefix = IpPrefix::parse("10.1.2.3/12");
  ASSERT_TRUE(prefix);
  EXPECT_EQ(prefix->to_string(), "10.0.0.0/12");
  EXPECT_TRUE(prefix->contains(IpAddress::v4({10, 15, 255, 255})));
  EXPECT_FALSE(prefix->contains(IpAddress::v4({10, 16, 0, 0})));
  EXPECT_FALSE(prefix->contains(*IpAddress::parse("::a0f:ffff")));
  EXPECT_TRUE(IpPrefix::parse("::/0")->contains(*IpAddress::parse("2001:db8::1")));
  EXPECT_FALSE(IpPrefix::parse("::/0")->contains(IpAddress::v4({1, 2, 3, 4})));
  EXPECT_EQ(IpPrefix::parse("2001:db8::1")->to_string(), "2001:db8::1/128");
  for (const auto* text :
       {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/+8", "::/129", "/8", "10.0.0.0/8 "}) {
    EXPECT_FALSE(IpPrefix::parse(text)) << text;
  }
}

TEST(Endpoint, ParsesAndPrintsBothFamilies) {
  for (const auto* text : {"192.0.2.1:51820", "[2001:db8::1]:65535", "[fe80::1%3]:1"}) {
    const auto endpoint = Endpoint::parse(text);
    ASSERT_TRUE(endpoint) << text;
    EXPECT_EQ(endpoint->to_string(), text);
  }
  for (const auto* text : {"192.0.2.1", "192.0.2.1:", "192.0.2.1:65536", "2001:db8::1:1",
                           "[192.0.2.1]:1", "[::1:1", "[fe80::1%]:1"}) {
    EXPECT_FALSE(Endpoint::parse(text)) << text;
  }
}

TEST(Secret, IsWipedByMoveAndComparedInConstantTime) {
  Secret<4> a(std::array<std::uint8_t, 4>{1, 2, 3, 4});
  Secret<4> b = std::move(a);
  EXPECT_TRUE(a.is_zero());  // NOLINT(*-use-after-move,*.Move): the promise under test
  EXPECT_TRUE(equal_constant_time(b.bytes(), b.clone().bytes()));
  b.wipe();
  EXPECT_TRUE(b.is_zero());
  EXPECT_FALSE(equal_constant_time(as_bytes("ab"), as_bytes("ac")));
  EXPECT_FALSE(equal_constant_time(as_bytes("ab"), as_bytes("abc")));
}

TEST(EqualConstantTime, SeesADifferenceInEveryByteOfEveryLength) {
  for (std::size_t size = 0; size <= 40; ++size) {
    const std::vector<std::uint8_t> a(size, 0x5a);
    EXPECT_TRUE(equal_constant_time(a, std::vector<std::uint8_t>(size, 0x5a)));
    for (std::size_t i = 0; i < size; ++i) {
      std::vector<std::uint8_t> b = a;
      b[i] ^= 0x80;
      EXPECT_FALSE(equal_constant_time(a, b)) << "size " << size << " byte " << i;
    }
  }
}

TEST(SeededRandom, RepeatsAndStaysInBounds) {
  SeededRandom a(7);
  SeededRandom b(7);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(a.u64(), b.u64());
    EXPECT_LT(a.below(10), 10U);
    b.below(10);
  }
}

TEST(Snapshot, ReaderSeesANewValueOnlyOnRefresh) {
  Snapshot<int> snapshot(std::make_shared<const int>(1));
  Snapshot<int>::Reader reader(snapshot);
  snapshot.publish(std::make_shared<const int>(2));
  EXPECT_EQ(*reader, 1);
  EXPECT_TRUE(reader.refresh());
  EXPECT_EQ(*reader, 2);
  EXPECT_FALSE(reader.refresh());
}

TEST(Log, KnowsItsLevels) {
  ASSERT_TRUE(parse_log_level("warn"));
  EXPECT_EQ(*parse_log_level("warn"), LogLevel::Warn);
  EXPECT_FALSE(parse_log_level("loud"));
  EXPECT_FALSE(Log::nowhere().enabled(LogLevel::Error));
}

}  // namespace
}  // namespace warren
