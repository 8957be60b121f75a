#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "crypto/keys.h"

namespace warren::relay::client {

// SendPacket frames that wait, in a piece of memory of bounded size. What is new matters more than
// what is old: when there is no room the oldest go.
class FrameQueue {
 public:
  explicit FrameQueue(std::size_t limit) : limit_(limit) {}  // bytes of frames

  // Returns how many packets were dropped for it, itself included when it is larger than the limit.
  std::size_t push(const NodePublicKey& peer, ByteView datagram);

  // The oldest frame, until the next push() or pop().
  std::optional<ByteView> front() const;
  void pop();

  // Drops everything and gives back the memory; returns how many packets there were.
  std::size_t clear();

  bool empty() const { return begin_ == end_; }

  std::size_t bytes() const { return end_ - begin_; }

 private:
  void make_room_behind(std::size_t size);

  std::size_t limit_;
  // Twice the limit, so that what waits is moved to the front at most once for each `limit_` bytes.
  std::unique_ptr<std::uint8_t[]> bytes_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace warren::relay::client
