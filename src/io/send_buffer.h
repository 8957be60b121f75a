#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "io/byte_stream.h"

namespace warren::io {

// What is to go to a socket and has not gone yet. It holds next to no memory while it is empty:
// most connections are.
class SendBuffer {
 public:
  bool empty() const { return bytes_.empty(); }

  std::size_t size() const { return bytes_.size() - sent_; }

  // Room for so many more bytes: else append() finds it step by step.
  void reserve(std::size_t size) { bytes_.reserve(bytes_.size() + size); }

  void append(ByteView bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }

  // Gives a non-blocking socket what it takes: Done when nothing is left, WantWrite, or Closed.
  ByteStream::Status send(int fd);

 private:
  std::vector<std::uint8_t> bytes_;
  std::size_t sent_ = 0;  // of them
};

}  // namespace warren::io
