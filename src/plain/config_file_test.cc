#include "plain/config_file.h"

#include <fstream>

#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plain/testing.h"

namespace warren::plain {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view kInterface =
    "[Interface]\nPrivateKey = oK56DE9Ue9zK76rAc8pBl6opph+1v36lm7cXXsQKrQM=\n";

class ConfigFileTest : public ::testing::Test {
 protected:
  std::string write(std::string_view text, mode_t mode) const {
    const std::string path = directory.path() + "/wg0.conf";
    std::ofstream(path) << text;
    EXPECT_EQ(chmod(path.c_str(), mode), 0);
    return path;
  }

  TemporaryDirectory directory;
};

TEST_F(ConfigFileTest, LoadsAFileAndSaysWhoCanReadIt) {
  auto file = load_config_file(write(kInterface, 0600));
  ASSERT_TRUE(file) << file.error().detail;
  EXPECT_FALSE(file->is_world_readable);
  file = load_config_file(write(kInterface, 0644));
  ASSERT_TRUE(file);
  EXPECT_TRUE(file->is_world_readable);
}

TEST_F(ConfigFileTest, ErrorsNameTheFile) {
  const std::string path = write("[Interface]\nMTU = x\n", 0600);
  EXPECT_THAT(load_config_file(path).error().detail, StartsWith(path + ": line 2: MTU"));
  EXPECT_THAT(load_config_file(path + ".gone").error().detail, HasSubstr("--config"));
  EXPECT_THAT(
      load_config_file(write(std::string(wgquick::kMaxFileSize + 9, '#'), 0600)).error().detail,
      HasSubstr("larger than"));
}

TEST(DeviceName, FollowsWgQuick) {
  for (const std::string_view name : {"wg0", "a", "wgvpn=+._-", "fifteen-letters"}) {
    EXPECT_TRUE(is_device_name(name)) << name;
  }
  for (const std::string_view name :
       {"", ".", "..", "a/b", "a b", "sixteen-letters-", "wg%d", "ä"}) {
    EXPECT_FALSE(is_device_name(name)) << name;
  }
  EXPECT_EQ(device_name_of("/etc/wireguard/wg0.conf"), "wg0");
  EXPECT_EQ(device_name_of("office"), "office");
  EXPECT_THAT(device_name_of("/dev/fd/.conf").error().detail, HasSubstr("--name"));
}

}  // namespace
}  // namespace warren::plain
