#include "netmap/names.h"

#include <string>

#include <gtest/gtest.h>

namespace warren::netmap {
namespace {

TEST(Names, KnowLabels) {
  for (const auto* const text : {"a", "nas", "nas-2", "0", "xn--bcher-kva"})
    EXPECT_TRUE(is_label(text)) << text;
  EXPECT_TRUE(is_label(std::string(63, 'a')));
  for (const auto* const text : {"", "-a", "a-", "A", "a.b", "a_b", "b\xc3\xbc"})
    EXPECT_FALSE(is_label(text)) << text;
  EXPECT_FALSE(is_label(std::string(64, 'a')));
}

TEST(Names, MakeALabelOfWhateverAMachineCallsItself) {
  EXPECT_EQ(to_label("Ann's Laptop.local"), "ann-s-laptop");
  EXPECT_EQ(to_label("nas.home.arpa"), "nas");
  EXPECT_EQ(to_label("__"), "node");
  EXPECT_EQ(to_label(""), "node");
  EXPECT_TRUE(is_label(to_label(std::string(62, 'a') + "_-" + std::string(300, 'b'))));
}

TEST(Names, StayShortWithANumber) {
  EXPECT_EQ(numbered_label("nas", 2), "nas-2");
  EXPECT_EQ(numbered_label(std::string(63, 'a'), 12), std::string(60, 'a') + "-12");
}

}  // namespace
}  // namespace warren::netmap
