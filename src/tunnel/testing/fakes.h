#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>

#include "base/bytes.h"
#include "base/mutex.h"
#include "base/time.h"
#include "io/clock.h"
#include "io/event_fd.h"
#include "io/tun_port.h"
#include "io/udp_port.h"

// Stand-ins for the tests of the packet path: a TUN device, a UDP network and a clock, all in
// memory. Their buffers are made beforehand, so that a test can count what the worker allocates.
namespace warren::tunnel::testing {

class FakeClock final : public io::MonotonicClock {
 public:
  TimePoint now() const override {
    ++reads;
    return TimePoint(Duration(nanoseconds_.load()));
  }

  void advance(Duration by) { nanoseconds_ += by.count(); }

  mutable std::atomic<std::uint64_t> reads = 0;

 private:
  std::atomic<std::int64_t> nanoseconds_ = 1'000'000'000;
};

class FakeWallClock final : public WallClock {
 public:
  WallTime now() const override { return {.seconds = 1'700'000'000, .nanoseconds = 0}; }
};

// Fixed buffers, first in first out.
class BufferQueue {
 public:
  struct Buffer {
    std::array<std::uint8_t, 66'000> bytes;
    std::size_t size = 0;
    std::uint16_t segment_size = 0;
    sockaddr_storage from{};
    socklen_t from_size = 0;
    in_addr to{};
  };

  explicit BufferQueue(std::size_t capacity) : buffers_(capacity) {}

  Buffer* claim() {
    if (tail_ - head_ == buffers_.size()) return nullptr;
    return &buffers_[tail_ % buffers_.size()];
  }

  void commit() { ++tail_; }

  Buffer* front() { return head_ == tail_ ? nullptr : &buffers_[head_ % buffers_.size()]; }

  void pop() { ++head_; }

  std::size_t size() const { return tail_ - head_; }

 private:
  std::vector<Buffer> buffers_;
  std::size_t head_ = 0;
  std::size_t tail_ = 0;
};

// A TUN device: the test puts in what the system would send, and takes out what it would receive.
class FakeTun final : public io::TunPort {
 public:
  int fd() const override { return event_.fd(); }

  ssize_t read(std::span<std::uint8_t, 10> header, MutableByteView packet) override {
    const MutexLock lock(mutex_);
    if (error != 0) return -error;
    const auto* const buffer = outgoing_.front();
    if (buffer == nullptr) return -EAGAIN;
    std::memcpy(header.data(), buffer->bytes.data(), header.size());
    std::memcpy(packet.data(), buffer->bytes.data() + header.size(), buffer->size - header.size());
    const auto size = static_cast<ssize_t>(buffer->size - header.size());
    outgoing_.pop();
    return size;
  }

  int write(std::span<const iovec> parts) override {
    const MutexLock lock(mutex_);
    if (parts.size() > 1 && refuse_merged) return -EINVAL;
    ++writes;
    auto* const buffer = incoming_.claim();
    if (buffer == nullptr) return -ENOBUFS;
    buffer->size = 0;
    for (const iovec& part : parts) {
      std::memcpy(buffer->bytes.data() + buffer->size, part.iov_base, part.iov_len);
      buffer->size += part.iov_len;
    }
    incoming_.commit();
    return 0;
  }

  // What the system sends: a virtio header of ten bytes, then the packet.
  bool put(ByteView header_and_packet) {
    const MutexLock lock(mutex_);
    auto* const buffer = outgoing_.claim();
    if (buffer == nullptr) return false;
    std::memcpy(buffer->bytes.data(), header_and_packet.data(), header_and_packet.size());
    buffer->size = header_and_packet.size();
    outgoing_.commit();
    return true;
  }

  // What the system received, header first; empty when nothing.
  std::vector<std::uint8_t> take() {
    const MutexLock lock(mutex_);
    const auto* const buffer = incoming_.front();
    if (buffer == nullptr) return {};
    std::vector<std::uint8_t> out(
        buffer->bytes.begin(), buffer->bytes.begin() + static_cast<std::ptrdiff_t>(buffer->size));
    incoming_.pop();
    return out;
  }

  // Like take(), without a copy: how many there were.
  std::size_t discard() {
    const MutexLock lock(mutex_);
    std::size_t count = 0;
    for (; incoming_.size() > 0; ++count) incoming_.pop();
    return count;
  }

  int error = 0;               // what read() fails with
  bool refuse_merged = false;  // as a kernel that rejects an offload it advertises
  std::size_t writes = 0;

 private:
  io::EventFd event_ = *io::EventFd::create();
  Mutex mutex_;
  BufferQueue outgoing_{128};
  BufferQueue incoming_{128};
};

class FakeUdp;

// Delivers by destination address (IPv4). Full queues lose datagrams, as sockets do.
class FakeNetwork {
 public:
  void attach(const sockaddr_in& address, FakeUdp& port);
  void detach(const FakeUdp& port);
  void deliver(const sockaddr_in& from, const sockaddr_in& to, const msghdr& message);

  bool cut = false;     // loses everything
  bool record = false;  // keeps a copy of each message
  std::vector<std::vector<std::uint8_t>> recorded;

 private:
  static std::uint64_t key(const sockaddr_in& a) {
    return std::uint64_t{a.sin_addr.s_addr} << 16 | a.sin_port;
  }

  Mutex mutex_;
  std::map<std::uint64_t, FakeUdp*> ports_;
};

class FakeUdp final : public io::UdpPort {
 public:
  FakeUdp(FakeNetwork& network, const char* address, std::uint16_t port) : network_(network) {
    own_.sin_family = AF_INET;
    own_.sin_port = htons(port);
    inet_pton(AF_INET, address, &own_.sin_addr);
    network_.attach(own_, *this);
  }

  ~FakeUdp() override { network_.detach(*this); }

  FakeUdp(const FakeUdp&) = delete;
  FakeUdp& operator=(const FakeUdp&) = delete;

  int fd() const override { return event_.fd(); }

  const sockaddr_in& own() const { return own_; }

  std::string address() const {
    std::array<char, INET_ADDRSTRLEN> text{};
    inet_ntop(AF_INET, &own_.sin_addr, text.data(), text.size());
    return std::string(text.data()) + ":" + std::to_string(ntohs(own_.sin_port));
  }

  int send(std::span<mmsghdr> messages) override {
    if (error != 0) return -error;
    for (const mmsghdr& message : messages) {
      sockaddr_in to{};
      std::memcpy(&to, message.msg_hdr.msg_name, sizeof to);
      network_.deliver(own_, to, message.msg_hdr);
      ++sent;
    }
    return static_cast<int>(messages.size());
  }

  int receive(std::span<mmsghdr> slots) override {
    const MutexLock lock(mutex_);
    int count = 0;
    for (mmsghdr& slot : slots) {
      const auto* const buffer = queue_.front();
      if (buffer == nullptr) break;
      fill(slot, *buffer);
      queue_.pop();
      ++count;
    }
    return count == 0 ? -EAGAIN : count;
  }

  // An IPv4 or IPv6 address.
  template <class Address>
  void push(const Address& from, const msghdr& message) {
    const MutexLock lock(mutex_);
    auto* const buffer = queue_.claim();
    if (buffer == nullptr) return;
    buffer->size = 0;
    for (std::size_t i = 0; i < message.msg_iovlen; ++i) {
      std::memcpy(buffer->bytes.data() + buffer->size, message.msg_iov[i].iov_base,
                  message.msg_iov[i].iov_len);
      buffer->size += message.msg_iov[i].iov_len;
    }
    std::memcpy(&buffer->from, &from, sizeof from);
    buffer->from_size = sizeof from;
    buffer->to = own_.sin_addr;
    buffer->segment_size = 0;
    auto* const header = const_cast<msghdr*>(&message);
    for (cmsghdr* c = CMSG_FIRSTHDR(header); c != nullptr; c = CMSG_NXTHDR(header, c)) {
      if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_SEGMENT) {
        std::memcpy(&buffer->segment_size, CMSG_DATA(c), sizeof buffer->segment_size);
      }
    }
    queue_.commit();
  }

  int error = 0;                      // what send() fails with
  std::atomic<std::size_t> sent = 0;  // messages, each perhaps many datagrams

 private:
  template <class T>
  static std::size_t put_control(
      msghdr& message, std::size_t used, int level, int type, const T& value) {
    auto* const c =
        reinterpret_cast<cmsghdr*>(static_cast<std::uint8_t*>(message.msg_control) + used);
    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(sizeof value);
    std::memcpy(CMSG_DATA(c), &value, sizeof value);
    return used + CMSG_SPACE(sizeof value);
  }

  static void fill(mmsghdr& slot, const BufferQueue::Buffer& buffer) {
    msghdr& message = slot.msg_hdr;
    std::memcpy(message.msg_iov[0].iov_base, buffer.bytes.data(), buffer.size);
    slot.msg_len = static_cast<unsigned>(buffer.size);
    message.msg_flags = 0;
    std::memcpy(message.msg_name, &buffer.from, buffer.from_size);
    message.msg_namelen = buffer.from_size;
    in_pktinfo info{};
    info.ipi_ifindex = 1;
    info.ipi_addr = info.ipi_spec_dst = buffer.to;
    std::size_t used = put_control(message, 0, SOL_IP, IP_PKTINFO, info);
    if (buffer.segment_size != 0) {
      used = put_control(message, used, SOL_UDP, UDP_GRO, static_cast<int>(buffer.segment_size));
    }
    message.msg_controllen = used;
  }

  FakeNetwork& network_;
  sockaddr_in own_{};
  io::EventFd event_ = *io::EventFd::create();
  Mutex mutex_;
  BufferQueue queue_{64};
};

inline void FakeNetwork::attach(const sockaddr_in& address, FakeUdp& port) {
  const MutexLock lock(mutex_);
  ports_[key(address)] = &port;
}

inline void FakeNetwork::detach(const FakeUdp& port) {
  const MutexLock lock(mutex_);
  std::erase_if(ports_, [&](const auto& entry) { return entry.second == &port; });
}

inline void FakeNetwork::deliver(const sockaddr_in& from,
                                 const sockaddr_in& to,
                                 const msghdr& message) {
  if (cut) return;
  if (record) {
    auto& copy = recorded.emplace_back();
    for (std::size_t i = 0; i < message.msg_iovlen; ++i) {
      const auto* const begin = static_cast<const std::uint8_t*>(message.msg_iov[i].iov_base);
      copy.insert(copy.end(), begin, begin + message.msg_iov[i].iov_len);
    }
  }
  FakeUdp* port = nullptr;
  {
    const MutexLock lock(mutex_);
    const auto found = ports_.find(key(to));
    if (found != ports_.end()) port = found->second;
  }
  if (port != nullptr) port->push(from, message);
}

}  // namespace warren::tunnel::testing
