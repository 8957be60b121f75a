#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "proto/relay/frames.h"

namespace warren::relay::client {

// The bytes that a relay sends, and the frames in them. Read into space(), say commit(), then take
// frames with next() until there is none; they are borrowed until the next space(). A frame that is
// larger than any we understand is skipped without being kept.
class FrameStream {
 public:
  // The largest packet and, at all times, a TLS record.
  static constexpr std::size_t kCapacity = std::size_t{128} << 10;

  FrameStream();

  // At least kMaxRecord bytes, if next() was called until it gave none.
  MutableByteView space();
  void commit(std::size_t size);

  std::optional<Frame> next();

  // A frame claimed to be longer than kMaxClientFrame: there is no telling where the next begins.
  bool failed() const { return failed_; }

  // What came before the first frame.
  ByteView peek() const;
  void consume(std::size_t size);

  std::uint64_t skipped() const { return skipped_; }  // frames

 private:
  std::unique_ptr<std::uint8_t[]> bytes_;
  std::size_t read_ = 0;
  std::size_t written_ = 0;
  std::size_t to_skip_ = 0;  // of a large frame; nothing is kept meanwhile
  bool failed_ = false;
  std::uint64_t skipped_ = 0;
};

}  // namespace warren::relay::client
