#include "io/send_buffer.h"

#include <cerrno>

#include <sys/socket.h>

namespace warren::io {

namespace {

constexpr std::size_t kKept = 1024;  // of the memory of one that is empty

}  // namespace

ByteStream::Status SendBuffer::send(int fd) {
  while (sent_ < bytes_.size()) {
    const ByteView rest = ByteView(bytes_).subspan(sent_);
    const ssize_t size = ::send(fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) {
      return errno == EAGAIN ? ByteStream::Status::WantWrite : ByteStream::Status::Closed;
    }
    sent_ += static_cast<std::size_t>(size);
  }
  if (bytes_.capacity() > kKept) {
    bytes_ = std::vector<std::uint8_t>();  // `= {}` would keep the memory
  } else {
    bytes_.clear();
  }
  sent_ = 0;
  return ByteStream::Status::Done;
}

}  // namespace warren::io
