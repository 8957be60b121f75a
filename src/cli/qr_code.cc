#include "cli/qr_code.h"

#include <memory>

#include <png.h>
#include <qrencode.h>

#include <fmt/format.h>

namespace warren::cli {

namespace {

constexpr std::ptrdiff_t kMargin = 4;     // modules (ISO/IEC 18004 section 9.1)
constexpr std::ptrdiff_t kPixels = 8;     // a module's side in a picture
constexpr std::size_t kMostBytes = 2953;  // of version 40 with level L
constexpr unsigned char kDarkModule = 1;  // the lowest bit of qrencode's bytes
constexpr png_byte kBlack = 0;
constexpr png_byte kWhite = 255;

struct FreeQrCode {
  void operator()(QRcode* code) const { QRcode_free(code); }
};

}  // namespace

Result<QrCode> QrCode::create(std::string_view text) {
  if (text.empty() || text.size() > kMostBytes) {
    return fail(Errc::InvalidArgument,
                fmt::format("a QR code holds 1 to {} bytes, not {}", kMostBytes, text.size()));
  }
  const std::unique_ptr<QRcode, FreeQrCode> code(
      QRcode_encodeData(static_cast<int>(text.size()),
                        reinterpret_cast<const unsigned char*>(text.data()), 0, QR_ECLEVEL_L));
  if (code == nullptr) return fail(Errc::Io, "no QR code could be made");
  QrCode out(static_cast<std::size_t>(code->width));
  for (std::size_t i = 0; i < out.dark_.size(); ++i) {
    out.dark_[i] = (code->data[i] & kDarkModule) != 0;
  }
  return out;
}

bool QrCode::is_dark(std::ptrdiff_t x, std::ptrdiff_t y) const {
  const auto end = static_cast<std::ptrdiff_t>(size_);
  if (x < 0 || y < 0 || x >= end || y >= end) return false;
  return dark_[static_cast<std::size_t>(y) * size_ + static_cast<std::size_t>(x)];
}

std::string QrCode::terminal_text() const {
  std::string out;
  const std::ptrdiff_t end = static_cast<std::ptrdiff_t>(size_) + kMargin;
  for (std::ptrdiff_t y = -kMargin; y < end; y += 2) {
    out += "\x1b[30;107m";  // ECMA-48 section 8.3.117, bright white as terminals have it
    for (std::ptrdiff_t x = -kMargin; x < end; ++x) {
      const bool upper = is_dark(x, y);
      const bool lower = is_dark(x, y + 1);
      if (upper) {
        out += lower ? "█" : "▀";
      } else {
        out += lower ? "▄" : " ";
      }
    }
    out += "\x1b[0m\n";
  }
  return out;
}

Result<std::string> QrCode::png() const {
  const std::ptrdiff_t side = (static_cast<std::ptrdiff_t>(size_) + 2 * kMargin) * kPixels;
  std::vector<png_byte> pixels;
  pixels.reserve(static_cast<std::size_t>(side * side));
  for (std::ptrdiff_t y = 0; y < side; ++y) {
    for (std::ptrdiff_t x = 0; x < side; ++x) {
      pixels.push_back(is_dark(x / kPixels - kMargin, y / kPixels - kMargin) ? kBlack : kWhite);
    }
  }
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(side);
  image.height = static_cast<png_uint_32>(side);
  image.format = PNG_FORMAT_GRAY;
  png_alloc_size_t bytes = 0;
  std::string out;
  bool is_done = png_image_write_to_memory(&image, nullptr, &bytes, 0, pixels.data(), 0, nullptr);
  if (is_done) {
    out.resize(bytes);
    is_done = png_image_write_to_memory(&image, out.data(), &bytes, 0, pixels.data(), 0, nullptr);
  }
  if (!is_done) return fail(Errc::Io, fmt::format("make a PNG: {}", image.message));
  out.resize(bytes);
  return out;
}

}  // namespace warren::cli
