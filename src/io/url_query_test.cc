#include "io/url_query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warren::io {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TEST(UrlQuery, DecodesNamesAndValues) {
  EXPECT_THAT(*parse_query("a=1&b%3D=x%20y+z%2bw&c&=d&a=2&&e=f=g"),
              ElementsAre(Pair("", "d"), Pair("a", "1"), Pair("b=", "x y z+w"), Pair("c", ""),
                          Pair("e", "f=g")));
  EXPECT_THAT(*parse_query(""), IsEmpty());
  EXPECT_THAT(*parse_query("&"), IsEmpty());
}

TEST(UrlQuery, RefusesHalfEscapes) {
  for (const std::string_view bad : {"%", "a=%2", "a=%zz", "%g0=1", "a=%0g"}) {
    EXPECT_EQ(parse_query(bad).error(), DecodeError::BadValue) << bad;
  }
}

TEST(UrlQuery, WhatWasEncodedIsDecodedAgain) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  EXPECT_EQ(percent_encode("a-Z._~09 /\xff"), "a-Z._~09%20%2F%FF");
  EXPECT_THAT(*parse_query("x=" + percent_encode(all)), ElementsAre(Pair("x", all)));
}

}  // namespace
}  // namespace warren::io
