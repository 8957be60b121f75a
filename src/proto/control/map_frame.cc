#include "proto/control/map_frame.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include <zstd.h>

namespace warren::control {

namespace {

// A map is compressed on the way to each node; on recorded maps level 3 saves 2 % of the bytes and
// level 9 saves 4 %, at up to eight times the time.
constexpr int kLevel = 1;

// Spec: control section 5.3. Of a frame without a content size; other frames need no window.
constexpr int kWindowLogMax = 23;

// A block of four bytes holds at most 128 KiB (RFC 8878 section 3.1.1.2.3): what claims to hold
// more lies, and gets no memory.
constexpr unsigned long long kMaxRatio = 128 * 1024 / 4;

constexpr std::size_t kMaxScratch = 1 << 20;  // kept between messages
constexpr std::size_t kStep =
    std::size_t{128} * 1024;  // of output, when its size is not known before

bool failed(std::size_t result) {
  return ZSTD_isError(result) != 0;
}

}  // namespace

struct MapFrameWriter::Compressor {
  Compressor() {
    WARREN_CHECK(context != nullptr);
    WARREN_CHECK(!failed(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, kLevel)));
    WARREN_CHECK(!failed(ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 1)));
    WARREN_CHECK(!failed(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)));
  }

  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;

  ~Compressor() { ZSTD_freeCCtx(context); }

  ZSTD_CCtx* context = ZSTD_createCCtx();
  std::vector<std::uint8_t> scratch;
};

MapFrameWriter::MapFrameWriter() : compressor_(std::make_unique<Compressor>()) {}

MapFrameWriter::MapFrameWriter(MapFrameWriter&&) noexcept = default;
MapFrameWriter& MapFrameWriter::operator=(MapFrameWriter&&) noexcept = default;
MapFrameWriter::~MapFrameWriter() = default;

void append_message_length(std::uint32_t length, std::vector<std::uint8_t>& out) {
  std::array<std::uint8_t, 4> bytes{};
  store_le(bytes.data(), length);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void MapFrameWriter::append_message(std::string_view json,
                                    Compression compression,
                                    std::vector<std::uint8_t>& out) {
  const std::size_t start = out.size();
  append_message_length(0, out);
  if (compression == Compression::Zstd) {
    append_part(json, out);
  } else {
    const ByteView text = as_bytes(json);
    out.insert(out.end(), text.begin(), text.end());
  }
  const std::size_t length = out.size() - start - 4;
  WARREN_CHECK(length > 0 && length <= std::numeric_limits<std::uint32_t>::max());
  store_le(out.data() + start, static_cast<std::uint32_t>(length));
}

void MapFrameWriter::append_part(std::string_view json, std::vector<std::uint8_t>& out) {
  // Messages wait to be sent: one must not hold the room that its text would need at the worst.
  std::vector<std::uint8_t>& scratch = compressor_->scratch;
  scratch.resize(ZSTD_compressBound(json.size()));
  const std::size_t size = ZSTD_compress2(compressor_->context, scratch.data(), scratch.size(),
                                          json.data(), json.size());
  WARREN_CHECK(!failed(size));
  out.insert(out.end(), scratch.begin(), scratch.begin() + static_cast<std::ptrdiff_t>(size));
  if (scratch.size() > kMaxScratch) scratch = std::vector<std::uint8_t>();
}

struct MapFrameReader::Decompressor {
  Decompressor() {
    WARREN_CHECK(context != nullptr);
    WARREN_CHECK(!failed(ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, kWindowLogMax)));
  }

  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;

  ~Decompressor() { ZSTD_freeDCtx(context); }

  // The text of all frames, at most `limit` bytes.
  Result<std::string, DecodeError> text_of(std::string_view frames, std::size_t limit);

  Result<void, DecodeError> append_sized(std::string_view frame,
                                         std::size_t size,
                                         std::string& out);
  Result<void, DecodeError> append_unsized(std::string_view frame,
                                           std::size_t limit,
                                           std::string& out);

  ZSTD_DCtx* context = ZSTD_createDCtx();
};

Result<std::string, DecodeError> MapFrameReader::Decompressor::text_of(std::string_view frames,
                                                                       std::size_t limit) {
  std::string out;
  while (!frames.empty()) {
    const std::size_t taken = ZSTD_findFrameCompressedSize(frames.data(), frames.size());
    if (failed(taken)) return unexpected(DecodeError::BadValue);
    const std::string_view frame = frames.substr(0, taken);
    frames.remove_prefix(taken);
    const unsigned long long size = ZSTD_getFrameContentSize(frame.data(), frame.size());
    if (size == ZSTD_CONTENTSIZE_ERROR) return unexpected(DecodeError::BadValue);
    if (size == ZSTD_CONTENTSIZE_UNKNOWN) {
      WARREN_TRY_VOID(append_unsized(frame, limit, out));
      continue;
    }
    if (size > limit - out.size()) return unexpected(DecodeError::BadLength);
    if (size / kMaxRatio > frame.size()) return unexpected(DecodeError::BadValue);
    WARREN_TRY_VOID(append_sized(frame, static_cast<std::size_t>(size), out));
  }
  return out;
}

Result<void, DecodeError> MapFrameReader::Decompressor::append_sized(std::string_view frame,
                                                                     std::size_t size,
                                                                     std::string& out) {
  const std::size_t start = out.size();
  out.resize(start + size);
  const std::size_t written =
      ZSTD_decompressDCtx(context, out.data() + start, size, frame.data(), frame.size());
  if (written != size) return unexpected(DecodeError::BadValue);  // an error is a size too
  return {};
}

Result<void, DecodeError> MapFrameReader::Decompressor::append_unsized(std::string_view frame,
                                                                       std::size_t limit,
                                                                       std::string& out) {
  WARREN_CHECK(!failed(ZSTD_DCtx_reset(context, ZSTD_reset_session_only)));
  ZSTD_inBuffer from{.src = frame.data(), .size = frame.size(), .pos = 0};
  std::size_t rest = 1;  // 0: the frame is complete
  while (rest != 0) {
    const std::size_t start = out.size();
    if (start == limit) return unexpected(DecodeError::BadLength);
    out.resize(start + std::min(kStep, limit - start));
    ZSTD_outBuffer to{.dst = out.data() + start, .size = out.size() - start, .pos = 0};
    rest = ZSTD_decompressStream(context, &to, &from);
    if (failed(rest)) return unexpected(DecodeError::BadValue);
    out.resize(start + to.pos);
    if (rest != 0 && to.pos == 0 && from.pos == from.size) return unexpected(DecodeError::BadValue);
  }
  return {};
}

MapFrameReader::MapFrameReader(Compression compression, const MapFrameLimits& limits)
    : decompressor_(compression == Compression::Zstd ? std::make_unique<Decompressor>() : nullptr),
      limits_(limits) {}

MapFrameReader::MapFrameReader(MapFrameReader&&) noexcept = default;
MapFrameReader& MapFrameReader::operator=(MapFrameReader&&) noexcept = default;
MapFrameReader::~MapFrameReader() = default;

Result<std::optional<std::string>, DecodeError> MapFrameReader::read(ByteView& bytes) {
  const auto take = [&bytes](std::size_t wanted) {
    const ByteView taken = bytes.first(std::min(wanted, bytes.size()));
    bytes = bytes.subspan(taken.size());
    return taken;
  };
  const ByteView header = take(header_.size() - header_size_);
  std::ranges::copy(header, header_.data() + header_size_);
  header_size_ += header.size();
  if (header_size_ < header_.size()) return std::nullopt;

  // The body grows with what arrives: a length alone gets no memory.
  const std::size_t length = load_le<std::uint32_t>(header_.data());
  const std::size_t limit = decompressor_ ? limits_.wire : std::min(limits_.wire, limits_.text);
  if (length == 0 || length > limit) return unexpected(DecodeError::BadLength);
  body_ += as_text(take(length - body_.size()));
  if (body_.size() < length) return std::nullopt;

  header_size_ = 0;
  std::string body = std::exchange(body_, {});
  if (!decompressor_) return body;
  WARREN_TRY(std::string text, decompressor_->text_of(body, limits_.text));
  if (text.empty()) return unexpected(DecodeError::BadLength);
  return text;
}

}  // namespace warren::control
