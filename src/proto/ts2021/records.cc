#include "proto/ts2021/records.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

namespace warren::ts2021 {

namespace {

// Noise reserves the last one (revision 34 section 5.1).
constexpr std::uint64_t kForbiddenCounter = std::numeric_limits<std::uint64_t>::max();

// aead.h writes the counter in little-endian order.
std::uint64_t nonce(std::uint64_t counter) {
  return std::byteswap(counter);
}

// Of the record at the front of `stream`, with its header; 0 while the header is not complete.
Result<std::size_t, DecodeError> record_size(ByteView stream) {
  if (stream.size() < kFrameHeaderSize) return 0;
  ByteReader in(stream);
  if (FrameType{in.u8()} != FrameType::Record) return unexpected(DecodeError::NotThisMessage);
  const std::size_t size = kFrameHeaderSize + in.be16();
  if (size < kRecordOverhead || size > kMaxFrameSize) return unexpected(DecodeError::BadLength);
  return size;
}

}  // namespace

bool RecordSealer::seal(ByteView text, std::vector<std::uint8_t>& out) {
  const std::size_t records = (text.size() + kMaxRecordText - 1) / kMaxRecordText;
  if (records > kForbiddenCounter - counter_) return false;
  std::size_t at = out.size();
  out.resize(at + text.size() + records * kRecordOverhead);
  while (!text.empty()) {
    const ByteView part = text.first(std::min(text.size(), kMaxRecordText));
    text = text.subspan(part.size());
    const MutableByteView record(out.data() + at, part.size() + kRecordOverhead);
    at += record.size();
    ByteWriter header(record);
    header.u8(static_cast<std::uint8_t>(FrameType::Record));
    header.be16(static_cast<std::uint16_t>(part.size() + kAeadTagSize));
    aead_seal(record.subspan(kFrameHeaderSize), key_, nonce(counter_++), part, {});
  }
  return true;
}

Result<void, DecodeError> RecordOpener::open(ByteView stream, std::vector<std::uint8_t>& out) {
  Result<void, DecodeError> result;
  if (error_) result = unexpected(*error_);
  while (result && !stream.empty()) result = collect(stream, out);
  if (!result) error_ = result.error();
  return result;
}

// One step: a whole record is opened where it lies, and of any other a part is set aside.
Result<void, DecodeError> RecordOpener::collect(ByteView& stream, std::vector<std::uint8_t>& out) {
  if (partial_.empty()) {
    WARREN_TRY(const std::size_t size, record_size(stream));
    if (size != 0 && size <= stream.size()) {
      const ByteView record = stream.first(size);
      stream = stream.subspan(size);
      return open_record(record, out);
    }
  }
  WARREN_TRY(const std::size_t known, record_size(partial_));
  const std::size_t wanted = known != 0 ? known : kFrameHeaderSize;
  const ByteView part = stream.first(std::min(stream.size(), wanted - partial_.size()));
  stream = stream.subspan(part.size());
  partial_.reserve(wanted);
  partial_.insert(partial_.end(), part.begin(), part.end());
  WARREN_TRY(const std::size_t size, record_size(partial_));  // a bad header is refused at once
  if (size == 0 || partial_.size() < size) return {};
  // A connection that waits holds no buffer.
  const std::vector<std::uint8_t> record = std::exchange(partial_, {});
  return open_record(record, out);
}

Result<void, DecodeError> RecordOpener::open_record(ByteView record,
                                                    std::vector<std::uint8_t>& out) {
  if (counter_ == kForbiddenCounter) return unexpected(DecodeError::BadValue);
  const ByteView sealed = record.subspan(kFrameHeaderSize);
  const std::size_t before = out.size();
  out.resize(before + sealed.size() - kAeadTagSize);
  if (aead_open(MutableByteView(out).subspan(before), key_, nonce(counter_++), sealed, {})) {
    return {};
  }
  out.resize(before);
  return unexpected(DecodeError::BadValue);
}

}  // namespace warren::ts2021
