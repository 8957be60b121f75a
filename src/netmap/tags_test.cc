#include "netmap/tags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warren::netmap {
namespace {

using ::testing::ElementsAre;

TEST(Tags, AreALetterAndWhatFollows) {
  for (const auto* const text : {"tag:a", "tag:Web-1", "tag:x--"})
    EXPECT_TRUE(is_tag(text)) << text;
  for (const auto* const text :
       {"", "tag:", "tag:1", "tag:-a", "Tag:a", "web", "tag:a b", "tag:a.b", "tag:\xc3\xbc"}) {
    EXPECT_FALSE(is_tag(text)) << text;
  }
  EXPECT_TRUE(is_tag("tag:" + std::string(kMaxTag - 4, 'a')));
  EXPECT_FALSE(is_tag("tag:" + std::string(kMaxTag - 3, 'a')));
}

TEST(Tags, AreSortedAndThereOnce) {
  EXPECT_THAT(to_tags({"tag:b", "tag:a", "tag:b"}).value(), ElementsAre("tag:a", "tag:b"));
  EXPECT_EQ(to_tags({"tag:b", "b"}).error().code, Errc::InvalidArgument);
  std::vector<std::string> many;
  for (std::size_t i = 0; i <= kMaxTags; ++i) many.push_back("tag:a" + std::to_string(i));
  EXPECT_FALSE(to_tags(many));
}

}  // namespace
}  // namespace warren::netmap
