#include "proto/ts2021/records.h"

#include <limits>

#include <gtest/gtest.h>

#include "proto/ts2021/early_noise.h"
#include "proto/ts2021/handshake.h"
#include "proto/ts2021/testing.h"

namespace warren::ts2021 {
namespace {

// Spec: control section 2.7.
constexpr std::string_view kKey1 =
    "8b2f6bbba15ce6d607c316355f2d3c93f62dcbe39b04eb873b5b2e2812dc71b6";
constexpr std::string_view kKey2 =
    "e8f7da7193cd2dd7834427bc5de410cc7fa42ea2bddb06906a91b23daf60a99b";

SymmetricKey key(std::string_view hex = kKey1) {
  return SymmetricKey(array_from_hex<kKeySize>(hex));
}

Bytes sealed(RecordSealer& sealer, ByteView text) {
  Bytes out;
  EXPECT_TRUE(sealer.seal(text, out));
  return out;
}

Bytes text_of(std::size_t size) {
  SeededRandom random(size);
  return random_bytes(random, size);
}

Bytes joined(const std::vector<Bytes>& parts) {
  Bytes out;
  for (const Bytes& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

// Feeds the stream in pieces of `piece` bytes.
Result<Bytes, DecodeError> opened(RecordOpener& opener, ByteView stream, std::size_t piece) {
  Bytes out;
  while (!stream.empty()) {
    const ByteView part = stream.first(std::min(piece, stream.size()));
    stream = stream.subspan(part.size());
    WARREN_TRY_VOID(opener.open(part, out));
  }
  return out;
}

// A record of an empty text, which a sealer never makes.
Bytes empty_record(std::uint64_t counter) {
  Bytes out = from_hex("040010");
  out.resize(kRecordOverhead);
  aead_seal(MutableByteView(out).subspan(kFrameHeaderSize), key(), std::byteswap(counter), {}, {});
  return out;
}

TEST(Ts2021Records, SealsTheRecordsOfTheSpec) {
  RecordSealer client(key(kKey1));
  EXPECT_EQ(to_hex(sealed(client, as_bytes("ping"))),
            "0400146dfdf0ddcd02b5fd12def650f7382dcbedccebc1");
  // Proves the big-endian counter.
  EXPECT_EQ(to_hex(sealed(client, as_bytes("ping"))),
            "0400145cb5b7869be352e5fad2acbb3453a13e7a6c7dc6");
  RecordSealer server(key(kKey2));
  EXPECT_EQ(to_hex(sealed(server, as_bytes("pong"))),
            "0400145490463e404442a6a05dcc51693fb6318d7f0dae");
}

TEST(Ts2021Records, OpensARecordedConnectionHoweverItIsCut) {
  const RecordedConnection recorded = recorded_connection();
  ASSERT_EQ(recorded.from_client.size() + recorded.from_server.size(), 60);
  PrescribedRandom random(recorded.server_ephemeral);
  const MachinePrivateKey server(array_from_hex<kKeySize>(recorded.server));
  const auto accepted =
      accept_handshake(decode_initiation(recorded.initiation).value(), server, random);
  ASSERT_TRUE(accepted);
  for (const std::size_t piece : {1uz, 2uz, 3uz, 19uz, 1000uz, 4096uz, 100'000uz}) {
    SCOPED_TRACE(piece);
    RecordOpener from_client(accepted->keys.from_initiator.clone());
    const auto request = opened(from_client, joined(recorded.from_client), piece);
    ASSERT_TRUE(request);
    EXPECT_TRUE(as_text(*request).starts_with("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    RecordOpener from_server(accepted->keys.from_responder.clone());
    const auto reply = opened(from_server, joined(recorded.from_server), piece);
    ASSERT_TRUE(reply);
    EarlyNoiseFilter early_noise;
    Bytes http2;
    ASSERT_TRUE(early_noise.pass(*reply, http2));
    EXPECT_TRUE(early_noise.was_present());
    EXPECT_EQ(reply->size() - http2.size(), 5 + 4 + 95);
    // SETTINGS of six entries, on stream 0.
    EXPECT_EQ(to_hex(ByteView(http2).first(9)), "000024040000000000");

    // What was said, sealed again record by record, is the recording.
    RecordSealer again(accepted->keys.from_initiator.clone());
    ByteView rest = *request;
    for (const Bytes& record : recorded.from_client) {
      EXPECT_EQ(sealed(again, rest.first(record.size() - kRecordOverhead)), record);
      rest = rest.subspan(record.size() - kRecordOverhead);
    }
  }
}

TEST(Ts2021Records, CutsATextIntoAsFewRecordsAsCanBe) {
  for (const std::size_t size : {0uz, 1uz, 4076uz, 4077uz, 4078uz, 8154uz, 8155uz, 100'000uz}) {
    SCOPED_TRACE(size);
    const Bytes text = text_of(size);
    RecordSealer sealer(key());
    const Bytes wire = sealed(sealer, text);
    const std::size_t records = (size + kMaxRecordText - 1) / kMaxRecordText;
    EXPECT_EQ(wire.size(), size + records * kRecordOverhead);
    RecordOpener opener(key());
    EXPECT_EQ(opened(opener, wire, 1460), text);
  }
}

TEST(Ts2021Records, AppendsToWhatIsThere) {
  RecordSealer sealer(key());
  Bytes wire = sealed(sealer, as_bytes("a"));
  ASSERT_TRUE(sealer.seal(as_bytes("b"), wire));
  RecordOpener opener(key());
  Bytes out = {'>'};
  ASSERT_TRUE(opener.open(wire, out));
  EXPECT_EQ(as_text(out), ">ab");
}

TEST(Ts2021Records, SkipsEmptyRecords) {
  RecordOpener opener(key());
  Bytes out;
  ASSERT_TRUE(opener.open(empty_record(0), out));
  ASSERT_TRUE(opener.open(empty_record(1), out));
  EXPECT_TRUE(out.empty());
  RecordSealer sealer(key(), 2);
  ASSERT_TRUE(opener.open(sealed(sealer, as_bytes("x")), out));
  EXPECT_EQ(as_text(out), "x");
}

TEST(Ts2021Records, RefusesARecordWithAnyByteChangedAndStaysClosed) {
  RecordSealer sealer(key());
  const Bytes wire = sealed(sealer, as_bytes("text"));
  for (std::size_t i = 0; i < wire.size(); ++i) {
    SCOPED_TRACE(i);
    Bytes wrong = wire;
    wrong[i] ^= 1;
    // A longer record only shows itself when the rest of it is there.
    if (i == 1 || i == 2) wrong.resize(kMaxFrameSize);
    RecordOpener opener(key());
    Bytes out;
    const auto result = opener.open(wrong, out);
    ASSERT_FALSE(result);
    EXPECT_TRUE(out.empty());
    EXPECT_EQ(opener.open(wire, out).error(), result.error());
    EXPECT_TRUE(out.empty());
  }
}

TEST(Ts2021Records, RefusesARepeatedAndAMissingRecord) {
  RecordSealer sealer(key());
  const Bytes first = sealed(sealer, as_bytes("1"));
  const Bytes second = sealed(sealer, as_bytes("2"));
  Bytes out;
  RecordOpener repeated(key());
  ASSERT_TRUE(repeated.open(first, out));
  EXPECT_EQ(repeated.open(first, out).error(), DecodeError::BadValue);
  RecordOpener missing(key());
  EXPECT_EQ(missing.open(second, out).error(), DecodeError::BadValue);
}

TEST(Ts2021Records, RefusesHeadersAtOnce) {
  const std::pair<std::string_view, DecodeError> cases[] = {
      {"030014", DecodeError::NotThisMessage}, {"010014", DecodeError::NotThisMessage},
      {"04000f", DecodeError::BadLength},  // no room for the tag
      {"040ffe", DecodeError::BadLength},  // 4097 with the header
      {"04ffff", DecodeError::BadLength},
  };
  for (const auto& [header, error] : cases) {
    SCOPED_TRACE(header);
    for (const std::size_t piece : {1uz, 3uz}) {
      RecordOpener opener(key());
      EXPECT_EQ(opened(opener, from_hex(header), piece).error(), error);
    }
  }
}

TEST(Ts2021Records, NeverUsesTheLastCounter) {
  constexpr std::uint64_t kLast = std::numeric_limits<std::uint64_t>::max() - 1;
  RecordSealer sealer(key(), kLast);
  Bytes wire;
  EXPECT_FALSE(sealer.seal(text_of(kMaxRecordText + 1), wire));  // would need two
  EXPECT_TRUE(wire.empty());
  EXPECT_TRUE(sealer.seal(as_bytes("x"), wire));
  EXPECT_FALSE(sealer.seal(as_bytes("x"), wire));
  RecordOpener opener(key(), kLast);
  Bytes out;
  ASSERT_TRUE(opener.open(wire, out));
  EXPECT_EQ(opener.open(empty_record(kLast + 1), out).error(), DecodeError::BadValue);
}

}  // namespace
}  // namespace warren::ts2021
