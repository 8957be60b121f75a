#include "io/send_buffer.h"

#include <cerrno>

#include <sys/socket.h>

namespace warren::io {

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
  bytes_ = {};
  sent_ = 0;
  return ByteStream::Status::Done;
}

}  // namespace warren::io
