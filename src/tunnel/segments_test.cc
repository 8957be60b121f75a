#include "tunnel/segments.h"

#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warren::tunnel {
namespace {

std::vector<std::size_t> sizes_of(std::size_t size, std::size_t segment_size) {
  std::vector<std::uint8_t> buffer(size);
  std::vector<std::size_t> out;
  const std::uint8_t* expected = buffer.data();
  for (Segments segments(buffer, segment_size); !segments.done();) {
    const MutableByteView segment = segments.next();
    EXPECT_EQ(segment.data(), expected);
    expected += segment.size();
    out.push_back(segment.size());
  }
  return out;
}

TEST(Segments, WalksEqualDatagramsAndAShorterLast) {
  EXPECT_THAT(sizes_of(300, 100), ::testing::ElementsAre(100, 100, 100));
  EXPECT_THAT(sizes_of(301, 100), ::testing::ElementsAre(100, 100, 100, 1));
  EXPECT_THAT(sizes_of(99, 100), ::testing::ElementsAre(99));
  EXPECT_EQ(sizes_of(65535, 1).size(), 65535U);
}

TEST(Segments, TakesABufferWithoutASegmentSizeAsOneDatagram) {
  EXPECT_THAT(sizes_of(1452, 0), ::testing::ElementsAre(1452));
}

TEST(Segments, CountsAnEmptyDatagramAsOne) {
  EXPECT_THAT(sizes_of(0, 0), ::testing::ElementsAre(0));
  EXPECT_THAT(sizes_of(0, 100), ::testing::ElementsAre(0));
}

TEST(Segments, ClassifiesByTypeAndLength) {  // data-plane section 3.6, paths section 1.2

  constexpr std::tuple<std::uint32_t, std::size_t, DatagramKind> kCases[] = {
      {4, 32, DatagramKind::Data},     {4, 33, DatagramKind::Data},
      {4, 1452, DatagramKind::Data},   {4, 31, DatagramKind::Runt},
      {1, 148, DatagramKind::Control}, {1, 147, DatagramKind::Unknown},
      {1, 149, DatagramKind::Unknown}, {2, 92, DatagramKind::Control},
      {2, 93, DatagramKind::Unknown},  {3, 64, DatagramKind::Control},
      {3, 65, DatagramKind::Unknown},  {0, 32, DatagramKind::Unknown},
      {5, 148, DatagramKind::Unknown}, {0x104, 64, DatagramKind::Unknown},
      {1, 20, DatagramKind::Runt},     {0x54, 124, DatagramKind::Unknown},
  };
  for (const auto& [type, size, kind] : kCases) {
    std::vector<std::uint8_t> datagram(size);
    store_le(datagram.data(), type);
    EXPECT_EQ(classify(datagram), kind) << type << " of " << size;
  }
  EXPECT_EQ(classify({}), DatagramKind::Runt);
  const std::uint8_t tail = 0x07;  // data-plane section 3.3: the tail stock clients append
  EXPECT_EQ(classify({&tail, 1}), DatagramKind::Runt);
}

}  // namespace
}  // namespace warren::tunnel
