#include "io/datagram_ring.h"

#include <bit>
#include <cstring>

#include "base/result.h"
#include "proto/relay/frames.h"

namespace warren::io {

namespace {

// A record: size(4) region(2) zero(2) key(32) datagram, filled up to a multiple of eight. So the
// end of the ring always has room for the mark that says: go on at the start.
constexpr std::size_t kAlignment = 8;
constexpr std::size_t kHeaderSize = 8 + kKeySize;
constexpr std::uint32_t kGoOnAtStart = UINT32_MAX;

std::size_t record_size(std::size_t datagram_size) {
  return (kHeaderSize + datagram_size + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

DatagramRing::DatagramRing(std::size_t bytes)
    : capacity_(bytes), bytes_(std::make_unique_for_overwrite<std::uint8_t[]>(bytes)) {
  WARREN_CHECK(std::has_single_bit(bytes) && bytes >= kAlignment);
}

bool DatagramRing::push(const relay::Route& route, ByteView datagram) {
  if (datagram.size() > relay::kMaxPacketSize) return false;
  const std::size_t tail = tail_.load(std::memory_order_relaxed);
  const std::size_t size = record_size(datagram.size());
  std::size_t offset = tail & (capacity_ - 1);
  const std::size_t skipped = capacity_ - offset < size ? capacity_ - offset : 0;
  const std::size_t end = tail + skipped + size;
  if (end - seen_head_ > capacity_) {
    seen_head_ = head_.load(std::memory_order_acquire);
    if (end - seen_head_ > capacity_) return false;
  }

  if (skipped > 0) {
    store_le(&bytes_[offset], kGoOnAtStart);
    offset = 0;
  }
  ByteWriter out(MutableByteView(&bytes_[offset], size));
  out.le32(static_cast<std::uint32_t>(datagram.size()));
  out.le16(route.region.value);
  out.le16(0);
  out.bytes(route.peer.bytes());
  out.bytes(datagram);
  tail_.store(end, std::memory_order_release);
  return true;
}

std::optional<DatagramRing::Entry> DatagramRing::next() {
  if (read_ == seen_tail_) {
    seen_tail_ = tail_.load(std::memory_order_acquire);
    if (read_ == seen_tail_) return std::nullopt;
  }
  std::size_t offset = read_ & (capacity_ - 1);
  if (load_le<std::uint32_t>(&bytes_[offset]) == kGoOnAtStart) {
    read_ += capacity_ - offset;  // the record that did not fit follows
    offset = 0;
  }
  ByteReader in(ByteView(&bytes_[offset], kHeaderSize));
  const std::size_t size = in.le32();
  const relay::RegionId region{in.le16()};
  in.skip(2);
  const NodePublicKey peer(in.array<kKeySize>());
  read_ += record_size(size);
  return Entry{.route = {.region = region, .peer = peer},
               .datagram = MutableByteView(&bytes_[offset + kHeaderSize], size)};
}

void DatagramRing::release() {
  head_.store(read_, std::memory_order_release);
}

std::size_t DatagramRing::used() const {
  // In this order it is never negative, whoever asks.
  const std::size_t head = head_.load(std::memory_order_acquire);
  return tail_.load(std::memory_order_acquire) - head;
}

}  // namespace warren::io
