#include "node/os/instance_lock.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "io/test_namespace.h"

namespace warren::node {
namespace {

TEST(InstanceLock, IsOneForAStateDirectoryAndANamespace) {
  if (const auto entered = io::enter_test_namespace(); !entered) {
    GTEST_SKIP() << entered.error().detail;
  }
  const std::string directory = testing::TempDir() + "instance_lock";
  std::filesystem::create_directories(directory);
  {
    const auto first = InstanceLock::take(directory);
    ASSERT_TRUE(first) << first.error().detail;
    const auto second = InstanceLock::take(directory);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::AlreadyExists);
    EXPECT_FALSE(InstanceLock::take());
  }
  EXPECT_TRUE(InstanceLock::take(directory));
}

}  // namespace
}  // namespace warren::node
