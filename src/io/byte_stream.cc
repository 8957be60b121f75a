#include "io/byte_stream.h"

#include <cerrno>

#include <sys/socket.h>

#include "io/send_buffer.h"

namespace warren::io {

namespace {

using boost::asio::ip::tcp;

class PlainStream final : public ByteStream {
 public:
  explicit PlainStream(tcp::socket socket) : socket_(std::move(socket)) {
    boost::system::error_code ignored;
    socket_.non_blocking(true, ignored);
  }

  Outcome read(MutableByteView out) override {
    const ssize_t size = recv(socket_.native_handle(), out.data(), out.size(), 0);
    if (size > 0) return {.status = Status::Done, .bytes = static_cast<std::size_t>(size)};
    const bool is_blocked = size < 0 && (errno == EAGAIN || errno == EINTR);
    return {.status = is_blocked ? Status::WantRead : Status::Closed};
  }

  Status write(ByteView bytes) override {
    unsent_.append(bytes);
    return flush();
  }

  Status flush() override { return unsent_.send(socket_.native_handle()); }

  void finish() override {
    boost::system::error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
  }

  tcp::socket& socket() override { return socket_; }

 private:
  tcp::socket socket_;
  SendBuffer unsent_;
};

}  // namespace

std::unique_ptr<ByteStream> make_plain_stream(tcp::socket socket) {
  return std::make_unique<PlainStream>(std::move(socket));
}

}  // namespace warren::io
