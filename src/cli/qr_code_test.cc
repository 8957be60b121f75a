#include "cli/qr_code.h"

#include <png.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warren::cli {
namespace {

using ::testing::StartsWith;

TEST(QrCode, HasItsThreeFindersAndALightMargin) {
  const auto code = QrCode::create("hello");
  ASSERT_TRUE(code);
  EXPECT_EQ(code->size(), 21U);  // version 1
  const std::ptrdiff_t far = 20;
  for (const auto& [x, y] : {std::pair<std::ptrdiff_t, std::ptrdiff_t>{0, 0}, {far, 0}, {0, far}}) {
    EXPECT_TRUE(code->is_dark(x, y));
  }
  EXPECT_FALSE(code->is_dark(-1, 0));
  EXPECT_FALSE(code->is_dark(0, far + 1));
}

TEST(QrCode, FitsATerminalWithAProfile) {
  const auto code = QrCode::create(std::string(360, 'x'));
  ASSERT_TRUE(code);
  EXPECT_LE(code->size() + 8, 80U);
  const std::string text = code->terminal_text();
  EXPECT_THAT(text, StartsWith("\x1b[30;107m "));
  EXPECT_EQ(std::ranges::count(text, '\n'),
            static_cast<std::ptrdiff_t>((code->size() + 8 + 1) / 2));
}

TEST(QrCode, IsAPictureWithEightPixelsAModule) {
  const auto code = QrCode::create("hello");
  const std::string png = code->png().value();
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  ASSERT_TRUE(png_image_begin_read_from_memory(&image, png.data(), png.size()));
  EXPECT_EQ(image.width, (21U + 8U) * 8U);
  image.format = PNG_FORMAT_GRAY;
  std::vector<png_byte> pixels(PNG_IMAGE_SIZE(image));
  ASSERT_TRUE(png_image_finish_read(&image, nullptr, pixels.data(), 0, nullptr));
  EXPECT_EQ(pixels[0], 255);
  EXPECT_EQ(pixels[32 * image.width + 32], 0);
}

TEST(QrCode, RefusesWhatDoesNotFit) {
  EXPECT_TRUE(QrCode::create(std::string(2953, 'x')));
  EXPECT_FALSE(QrCode::create(std::string(2954, 'x')));
  EXPECT_FALSE(QrCode::create(""));
}

}  // namespace
}  // namespace warren::cli
