#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace warren::cli {

// A QR code (ISO/IEC 18004) of bytes: for a camera in front of a screen, so with the least error
// correction and the fewest modules.
class QrCode {
 public:
  // Refused beyond 2,953 bytes.
  static Result<QrCode> create(std::string_view text);

  std::size_t size() const { return size_; }  // modules of a side, without a margin

  // Outside it is the margin, which is light.
  bool is_dark(std::ptrdiff_t x, std::ptrdiff_t y) const;

  // For a terminal of any colours: two modules a character, black on white.
  std::string terminal_text() const;
  // The content of a PNG file.
  Result<std::string> png() const;

 private:
  explicit QrCode(std::size_t size) : size_(size), dark_(size * size) {}

  std::size_t size_;
  std::vector<bool> dark_;
};

}  // namespace warren::cli
