#include "io/send_buffer.h"

#include <array>
#include <numeric>
#include <vector>

#include <sys/socket.h>

#include <gtest/gtest.h>

#include "io/file_descriptor.h"

namespace warren::io {
namespace {

using Status = ByteStream::Status;

class SendBufferTest : public testing::Test {
 protected:
  SendBufferTest() {
    std::array<int, 2> both{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, both.data()), 0);
    here = FileDescriptor(both[0]);
    there = FileDescriptor(both[1]);
  }

  // All that has arrived.
  void receive() {
    std::array<std::uint8_t, 4096> bytes{};
    while (true) {
      const ssize_t size = recv(there.get(), bytes.data(), bytes.size(), 0);
      if (size <= 0) return;
      received.insert(received.end(), bytes.begin(), bytes.begin() + size);
    }
  }

  FileDescriptor here;
  FileDescriptor there;
  std::vector<std::uint8_t> received;
  SendBuffer buffer;
};

TEST_F(SendBufferTest, KeepsWhatASocketDoesNotTakeAndItsOrder) {
  std::vector<std::uint8_t> bytes(4 << 20);  // more than any socket buffer of a test machine
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
  const ByteView all(bytes);
  buffer.append(all.first(1000));
  EXPECT_EQ(buffer.send(here.get()), Status::Done);
  EXPECT_TRUE(buffer.empty());
  buffer.append(all.subspan(1000, 3 << 20));
  ASSERT_EQ(buffer.send(here.get()), Status::WantWrite);
  EXPECT_FALSE(buffer.empty());
  buffer.append(all.subspan(1000 + (3 << 20)));
  Status status = Status::WantWrite;
  while (status == Status::WantWrite) {
    receive();
    status = buffer.send(here.get());
  }
  EXPECT_EQ(status, Status::Done);
  EXPECT_EQ(buffer.size(), 0U);
  receive();
  EXPECT_EQ(received, bytes);
}

TEST_F(SendBufferTest, SaysThatTheOtherSideIsGone) {
  there = FileDescriptor();
  buffer.append(std::array<std::uint8_t, 3>{1, 2, 3});
  EXPECT_EQ(buffer.send(here.get()), Status::Closed);
}

}  // namespace
}  // namespace warren::io
