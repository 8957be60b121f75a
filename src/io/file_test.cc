#include "io/file.h"

#include <cstdlib>
#include <filesystem>

#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warren::io {
namespace {

class FileTest : public testing::Test {
 protected:
  FileTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "file_test.XXXXXX";
    directory = mkdtemp(pattern.data());
    path = directory / "x";
  }

  void TearDown() override { std::filesystem::remove_all(directory); }

  std::filesystem::path directory;
  std::filesystem::path path;
};

TEST_F(FileTest, ReplacesTheWholeContentWithTheModeAsked) {
  ASSERT_TRUE(replace_file(path, std::string(10000, 'a'), 0644));
  ASSERT_TRUE(replace_file(path, "secret", 0600));
  EXPECT_EQ(read_file(path, 100), "secret");
  struct stat status{};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory), {}), 1);
}

TEST_F(FileTest, SaysWhyItCannotReadOrWrite) {
  EXPECT_EQ(read_file(path, 100).error().code, Errc::NotFound);
  ASSERT_TRUE(replace_file(path, std::string(101, 'a'), 0600));
  EXPECT_EQ(read_file(path, 100).error().code, Errc::InvalidArgument);
  EXPECT_EQ(replace_file(directory / "no" / "x", "", 0600).error().code, Errc::NotFound);
  std::filesystem::create_directory(directory / "d");
  EXPECT_FALSE(replace_file(directory / "d", "", 0600));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory), {}), 2);
}

}  // namespace
}  // namespace warren::io
