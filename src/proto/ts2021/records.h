#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/aead.h"
#include "crypto/keys.h"
#include "proto/ts2021/frames.h"

// A byte stream in sealed records, one direction each (spec: control section 2.6). The bounds of
// records mean nothing to what they carry. The nonce counts records in big-endian order, unlike
// Noise's own; there is no rekeying.
namespace warren::ts2021 {

inline constexpr std::size_t kRecordOverhead = kFrameHeaderSize + kAeadTagSize;
inline constexpr std::size_t kMaxRecordText = kMaxFrameSize - kRecordOverhead;  // 4077

class RecordSealer {
 public:
  // `first_counter` is for tests.
  explicit RecordSealer(SymmetricKey key, std::uint64_t first_counter = 0)
      : key_(std::move(key)), counter_(first_counter) {}

  // Appends the records that carry `text` to `out`, of which `text` is no part. False, with nothing
  // appended, when the counter is used up: the connection is then at its end.
  [[nodiscard]] bool seal(ByteView text, std::vector<std::uint8_t>& out);

 private:
  SymmetricKey key_;
  std::uint64_t counter_;
};

class RecordOpener {
 public:
  explicit RecordOpener(SymmetricKey key, std::uint64_t first_counter = 0)
      : key_(std::move(key)), counter_(first_counter) {}

  // Takes the next bytes of the stream, cut anywhere, and appends to `out` what the records say
  // that are now complete. Holds at most one record that is not, and nothing between records. The
  // first error is for good: the connection must be closed; `out` may hold what came before it.
  [[nodiscard]] Result<void, DecodeError> open(ByteView stream, std::vector<std::uint8_t>& out);

 private:
  Result<void, DecodeError> open_record(ByteView record, std::vector<std::uint8_t>& out);
  Result<void, DecodeError> collect(ByteView& stream, std::vector<std::uint8_t>& out);

  SymmetricKey key_;
  std::uint64_t counter_;
  std::vector<std::uint8_t> partial_;
  std::optional<DecodeError> error_;
};

}  // namespace warren::ts2021
