#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

// The body of a map answer: messages one after the other, each a 32-bit little-endian length and as
// many bytes, which are JSON or zstd frames of it (spec: control section 5.3).
namespace warren::control {

enum class Compression : std::uint8_t { None, Zstd };

// Exactly this text lets stock clients skip decoding (spec: control section 5.3).
inline constexpr std::string_view kKeepAliveJson = R"({"KeepAlive":true})";

// Of one message, as it is sent and decompressed. A map of 10,000 peers has 8 MB (spec: server
// section 1.6).
struct MapFrameLimits {
  std::size_t wire = std::size_t{64} * 1024 * 1024;
  std::size_t text = std::size_t{64} * 1024 * 1024;
};

// Makes messages. One serves many streams, of one thread: it keeps the compressor's memory.
class MapFrameWriter {
 public:
  MapFrameWriter();
  MapFrameWriter(MapFrameWriter&&) noexcept;
  MapFrameWriter& operator=(MapFrameWriter&&) noexcept;
  ~MapFrameWriter();

  // Appends a message of `json`, which is not empty.
  void append_message(std::string_view json,
                      Compression compression,
                      std::vector<std::uint8_t>& out);

  // Appends a zstd frame without a length. A message may have several, one after the other, so a
  // part that many receivers share is compressed once.
  void append_part(std::string_view json, std::vector<std::uint8_t>& out);

 private:
  struct Compressor;
  std::unique_ptr<Compressor> compressor_;
};

// Appends the length of a message that the caller puts together from parts.
void append_message_length(std::uint32_t length, std::vector<std::uint8_t>& out);

// Reads the messages of one stream from bytes that come in any pieces.
class MapFrameReader {
 public:
  explicit MapFrameReader(Compression compression, const MapFrameLimits& limits = {});
  MapFrameReader(MapFrameReader&&) noexcept;
  MapFrameReader& operator=(MapFrameReader&&) noexcept;
  ~MapFrameReader();

  // Takes from the front of `bytes` up to the end of a message, and returns its text; none: all was
  // taken and the message goes on. Call it until it returns none. After an error the stream is of
  // no more use: BadLength, empty or over a limit; BadValue, no zstd frames.
  Result<std::optional<std::string>, DecodeError> read(ByteView& bytes);

  // Whether the stream may end here.
  bool is_between_messages() const { return header_size_ == 0; }

 private:
  struct Decompressor;

  std::unique_ptr<Decompressor> decompressor_;  // none: not compressed
  MapFrameLimits limits_;
  std::array<std::uint8_t, 4> header_{};
  std::size_t header_size_ = 0;  // of the current message: bytes read of its length
  std::string body_;             // and of what follows
};

}  // namespace warren::control
