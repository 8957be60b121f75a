#include "io/private_directory.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warren::io {
namespace {

using testing::HasSubstr;

class PrivateDirectory : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "private.XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    base = name;
    path = base + "/warren/node";
  }

  void TearDown() override { std::filesystem::remove_all(base); }

  static mode_t mode_of(const std::string& path) {
    struct stat status{};
    EXPECT_EQ(stat(path.c_str(), &status), 0);
    return status.st_mode & 07777;
  }

  std::string base;
  std::string path;
};

TEST_F(PrivateDirectory, IsMadeWithItsParents) {
  ASSERT_TRUE(make_private_directory(path));
  EXPECT_EQ(mode_of(path), 0700U);
  EXPECT_EQ(mode_of(base + "/warren"), 0755U);
  EXPECT_TRUE(make_private_directory(path));
}

TEST_F(PrivateDirectory, IsRefusedWhenOthersMayWrite) {
  ASSERT_TRUE(make_private_directory(path));
  for (const mode_t mode : {0770U, 0702U}) {
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
    const auto refused = make_private_directory(path);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::PermissionDenied);
    EXPECT_THAT(refused.error().detail, HasSubstr("chmod 0700 " + path));
  }
  ASSERT_EQ(chmod(path.c_str(), 0755), 0);
  EXPECT_TRUE(make_private_directory(path));
}

TEST_F(PrivateDirectory, IsRefusedWhenAnotherUserOwnsIt) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  ASSERT_TRUE(make_private_directory(path));
  ASSERT_EQ(chown(path.c_str(), 65534, 65534), 0);
  const auto refused = make_private_directory(path);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().detail, HasSubstr("belongs to user 65534"));
}

TEST_F(PrivateDirectory, IsRefusedWhenAFileIsThere) {
  ASSERT_TRUE(make_private_directory(base + "/warren"));
  ASSERT_EQ(truncate(path.c_str(), 0), -1);
  {
    const std::unique_ptr<FILE, int (*)(FILE*)> file(fopen(path.c_str(), "w"), fclose);
  }
  EXPECT_FALSE(make_private_directory(path));
}

}  // namespace
}  // namespace warren::io
