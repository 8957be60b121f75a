#include "relay/client/token_bucket.h"

#include <gtest/gtest.h>

namespace warren::relay::client {
namespace {

TEST(TokenBucket, LetsTheBurstPassAndThenTheRate) {
  TimePoint now{};
  TokenBucket bucket;
  bucket.start(100'000, 200'000, now);
  int passed = 0;
  while (bucket.take(1000, now)) ++passed;
  EXPECT_EQ(passed, 200);
  now += 1s;
  while (bucket.take(1000, now)) ++passed;
  EXPECT_EQ(passed, 300);
}

TEST(TokenBucket, AlwaysHoldsTheLargestPacket) {
  TokenBucket bucket;
  bucket.start(1000, 1, TimePoint{});
  EXPECT_TRUE(bucket.take(65536 + 37, TimePoint{}));
  EXPECT_FALSE(bucket.take(100, TimePoint{}));
}

TEST(TokenBucket, LetsEverythingPassWithoutARate) {
  TokenBucket bucket;
  bucket.start(0, 0, TimePoint{});
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(bucket.take(65536, TimePoint{}));
}

}  // namespace
}  // namespace warren::relay::client
