#include "proto/control/map_frame.h"

#include <zstd.h>

#include <gtest/gtest.h>

#include "base/hex.h"
#include "proto/control/testing.h"

namespace warren::control {

namespace {

using Frame = std::vector<std::uint8_t>;

Frame from_hex(std::string_view text) {
  Frame out(text.size() / 2);
  EXPECT_TRUE(parse_hex(text, out));
  return out;
}

Frame with_length(const Frame& body) {
  Frame out;
  append_message_length(static_cast<std::uint32_t>(body.size()), out);
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

// All messages of `bytes`, which arrive in pieces of `step`; the first error ends them.
std::vector<std::string> read_all(MapFrameReader& reader, ByteView bytes, std::size_t step) {
  std::vector<std::string> out;
  while (!bytes.empty()) {
    ByteView piece = bytes.first(std::min(step, bytes.size()));
    bytes = bytes.subspan(piece.size());
    while (true) {
      auto message = reader.read(piece);
      if (!message) return out.emplace_back(to_string(message.error())), out;
      if (!*message) break;
      out.push_back(std::move(**message));
    }
    EXPECT_TRUE(piece.empty());
  }
  return out;
}

std::optional<DecodeError> error_of(const Frame& message, const MapFrameLimits& limits = {}) {
  MapFrameReader reader(Compression::Zstd, limits);
  ByteView bytes = message;
  const auto text = reader.read(bytes);
  if (text) return std::nullopt;
  return text.error();
}

// A frame without a content size, as a compressor writes that streams.
Frame unsized(std::string_view text) {
  Frame out(ZSTD_compressBound(text.size()) + 64);
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  ZSTD_inBuffer from{.src = text.data(), .size = text.size(), .pos = 0};
  ZSTD_outBuffer to{.dst = out.data(), .size = out.size(), .pos = 0};
  // Flushed once before the end, or the library would know the size and write it.
  EXPECT_EQ(ZSTD_compressStream2(context, &to, &from, ZSTD_e_flush), 0U);
  EXPECT_EQ(ZSTD_compressStream2(context, &to, &from, ZSTD_e_end), 0U);
  ZSTD_freeCCtx(context);
  out.resize(to.pos);
  EXPECT_EQ(ZSTD_getFrameContentSize(out.data(), out.size()), ZSTD_CONTENTSIZE_UNKNOWN);
  return out;
}

Frame part(std::string_view text) {
  MapFrameWriter writer;
  Frame out;
  writer.append_part(text, out);
  return out;
}

TEST(MapFrame, ReadsRecordedFramesInPiecesOfAnySize) {
  const auto lines = recorded("frames.txt");
  ASSERT_FALSE(lines.empty());
  Frame stream;
  std::vector<std::string> expected;
  for (const auto& [hex, json] : lines) {
    const Frame message = with_length(from_hex(hex));
    stream.insert(stream.end(), message.begin(), message.end());
    expected.push_back(json);
  }
  for (const std::size_t step : {1U, 2U, 3U, 7U, 64U, 1000U, 1'000'000U}) {
    MapFrameReader reader(Compression::Zstd);
    EXPECT_EQ(read_all(reader, stream, step), expected) << "step " << step;
    EXPECT_TRUE(reader.is_between_messages());
  }
}

TEST(MapFrame, WritesContentSizeAndChecksum) {
  const Frame frame = part(kKeepAliveJson);
  EXPECT_EQ(ZSTD_getFrameContentSize(frame.data(), frame.size()), kKeepAliveJson.size());
  EXPECT_EQ(frame.at(4) & 0x24, 0x24);  // single segment, checksum (RFC 8878 section 3.1.1.1.1)
  EXPECT_EQ(frame.size(), 31U);         // spec: control section 5.3
}

TEST(MapFrame, ReadsWhatItWrites) {
  MapFrameWriter writer;
  for (const Compression compression : {Compression::None, Compression::Zstd}) {
    Frame stream;
    const std::vector<std::string> messages = {std::string(kKeepAliveJson),
                                               std::string(300'000, 'x'), "{}"};
    for (const std::string& message : messages) writer.append_message(message, compression, stream);
    MapFrameReader reader(compression);
    EXPECT_EQ(read_all(reader, stream, 4099), messages);
  }
}

TEST(MapFrame, JoinsSeveralFramesOfOneMessage) {
  Frame body = part(R"({"Peers":[)");
  for (const Frame& frame : {part("1"), part(","), part(""), unsized("2"), part("]}")}) {
    body.insert(body.end(), frame.begin(), frame.end());
  }
  const Frame skippable = from_hex("502a4d18020000000102");
  body.insert(body.end(), skippable.begin(), skippable.end());
  MapFrameReader reader(Compression::Zstd);
  EXPECT_EQ(read_all(reader, with_length(body), 5), std::vector<std::string>{R"({"Peers":[1,2]})"});
}

TEST(MapFrame, ReadsLargeFramesWithoutAContentSize) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += std::to_string(i);
  MapFrameReader reader(Compression::Zstd);
  EXPECT_EQ(read_all(reader, with_length(unsized(text)), 1000), std::vector<std::string>{text});
}

TEST(MapFrame, RefusesWhatIsOverItsLimits) {
  const MapFrameLimits limits{.wire = 1000, .text = 2000};
  Frame header;
  append_message_length(1001, header);
  EXPECT_EQ(error_of(header, limits), DecodeError::BadLength);
  EXPECT_EQ(error_of(with_length(part(std::string(2000, 'x'))), limits), std::nullopt);
  EXPECT_EQ(error_of(with_length(part(std::string(2001, 'x'))), limits), DecodeError::BadLength);
  EXPECT_EQ(error_of(with_length(unsized(std::string(2001, 'x'))), limits), DecodeError::BadLength);
  Frame twice = part(std::string(1001, 'x'));
  const Frame once = twice;
  twice.insert(twice.end(), once.begin(), once.end());
  EXPECT_EQ(error_of(with_length(twice), limits), DecodeError::BadLength);
  // Not compressed, the text is what is sent.
  MapFrameReader plain(Compression::None, {.wire = 2000, .text = 1000});
  ByteView bytes = header;
  EXPECT_EQ(plain.read(bytes).error(), DecodeError::BadLength);
}

TEST(MapFrame, RefusesASizeThatItsBytesCannotHold) {
  // Magic, single segment with an 8-byte size of 60 MiB, one raw block of one byte.
  EXPECT_EQ(error_of(with_length(from_hex("28b52ffde0"
                                          "0000c00300000000"
                                          "09000078"))),
            DecodeError::BadValue);
}

TEST(MapFrame, RefusesEmptyMessages) {
  EXPECT_EQ(error_of(Frame(4)), DecodeError::BadLength);
  EXPECT_EQ(error_of(with_length(part(""))), DecodeError::BadLength);
}

TEST(MapFrame, RefusesEveryDamagedOrShortenedFrame) {
  const Frame frame = part(kKeepAliveJson);
  for (std::size_t n = 1; n < frame.size(); ++n) {
    const Frame cut(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(n));
    EXPECT_EQ(error_of(with_length(cut)), DecodeError::BadValue) << "length " << n;
  }
  for (std::size_t i = 0; i < frame.size(); ++i) {
    Frame damaged = frame;
    damaged[i] ^= 1;
    EXPECT_TRUE(error_of(with_length(damaged))) << "byte " << i;
  }
}

TEST(MapFrame, KnowsWhetherAMessageIsComplete) {
  MapFrameReader reader(Compression::None);
  EXPECT_TRUE(reader.is_between_messages());
  const Frame message = with_length({'{', '}'});
  for (std::size_t n = 0; n + 1 < message.size(); ++n) {
    ByteView piece = ByteView(message).subspan(n, 1);
    EXPECT_FALSE(reader.read(piece)->has_value());
    EXPECT_FALSE(reader.is_between_messages());
  }
  ByteView last = ByteView(message).last(1);
  EXPECT_EQ(**reader.read(last), "{}");
  EXPECT_TRUE(reader.is_between_messages());
}

}  // namespace

}  // namespace warren::control
