#include "node/device_endpoints.h"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace warren::node {
namespace {

class Directory {
 public:
  Directory() : path_(::testing::TempDir() + "devices.XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) std::abort();
  }

  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  ~Directory() { std::filesystem::remove_all(path_); }

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

NodePublicKey key(std::uint8_t fill) {
  std::array<std::uint8_t, kKeySize> bytes{};
  bytes.fill(fill);
  return NodePublicKey(bytes);
}

TEST(DeviceEndpoints, AreReadAsTheyWereKept) {
  const Directory directory;
  EXPECT_TRUE(load_device_endpoints(directory.path()).empty());
  const DeviceEndpoints endpoints = {{key(1), *Endpoint::parse("192.0.2.1:7")},
                                     {key(2), *Endpoint::parse("[2001:db8::1]:8")}};
  ASSERT_TRUE(save_device_endpoints(directory.path(), endpoints));
  EXPECT_EQ(load_device_endpoints(directory.path()), endpoints);
  ASSERT_TRUE(save_device_endpoints(directory.path(), {}));
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST(DeviceEndpoints, LeaveOutWhatCannotBeRead) {
  const Directory directory;
  ASSERT_TRUE(save_device_endpoints(directory.path(), {{key(1), *Endpoint::parse("192.0.2.1:7")}}));
  std::ofstream(directory.path() + "/device-endpoints", std::ios::app)
      << "\nnodekey:12 192.0.2.1:7\nx\n"
      << std::string(100, ' ');
  EXPECT_EQ(load_device_endpoints(directory.path()).size(), 1U);
}

}  // namespace
}  // namespace warren::node
