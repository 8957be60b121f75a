#include "relay/client/frame_stream.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "relay/client/constants.h"
#include "relay/client/testing/scripted_relay.h"

namespace warren::relay::client {
namespace {

using testing::Bytes;

// Puts bytes in by pieces of `step`, and calls `on_frame` for every frame.
template <class OnFrame>
void feed(FrameStream& stream, ByteView bytes, std::size_t step, OnFrame on_frame) {
  while (!bytes.empty()) {
    const MutableByteView space = stream.space();
    ASSERT_GE(space.size(), kMaxRecord);
    const std::size_t count = std::min({bytes.size(), step, space.size()});
    std::copy_n(bytes.begin(), count, space.begin());
    bytes = bytes.subspan(count);
    stream.commit(count);
    while (const auto frame = stream.next()) on_frame(*frame);
  }
}

TEST(FrameStream, GivesWholeFramesHoweverTheyArrive) {
  const Bytes wire = testing::join(testing::frame(FrameType::KeepAlive, {}),
                                   testing::frame(FrameType::RecvPacket, Bytes(65536 + 32, 1)),
                                   testing::frame(FrameType::Ping, Bytes(8, 2)));
  for (const std::size_t step : {std::size_t{1}, std::size_t{1000}, std::size_t{16384}}) {
    FrameStream stream;
    std::vector<std::pair<int, std::size_t>> seen;
    for (int i = 0; i < 5; ++i) {
      feed(stream, wire, step,
           [&](const Frame& frame) { seen.emplace_back(frame.type, frame.payload.size()); });
    }
    ASSERT_EQ(seen.size(), 15U) << step;
    EXPECT_EQ(seen[13], std::pair(0x05, std::size_t{65568}));
    EXPECT_EQ(seen[14], std::pair(0x12, std::size_t{8}));
  }
}

TEST(FrameStream, SkipsWhatIsLargerThanAnyPacket) {
  const Bytes wire = testing::join(testing::frame(FrameType{0x77}, Bytes(kMaxClientFrame, 1)),
                                   testing::frame(FrameType::Pong, Bytes(8, 3)));
  FrameStream stream;
  std::vector<int> seen;
  feed(stream, wire, 5000, [&](const Frame& frame) { seen.push_back(frame.type); });
  EXPECT_EQ(seen, std::vector{0x13});
  EXPECT_EQ(stream.skipped(), 1U);
  EXPECT_FALSE(stream.failed());
}

TEST(FrameStream, FailsForGoodWhenALengthIsAbsurd) {
  FrameStream stream;
  Bytes wire = testing::frame(FrameType::Pong, {});
  store_be<std::uint32_t>(wire.data() + 1, kMaxClientFrame + 1);
  feed(stream, wire, 100, [](const Frame&) { FAIL(); });
  EXPECT_TRUE(stream.failed());
  EXPECT_FALSE(stream.next());
}

}  // namespace
}  // namespace warren::relay::client
