#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <boost/asio/ip/tcp.hpp>

#include "base/bytes.h"

namespace warren::io {

// A connection as servers see it, with or without TLS. Reads and writes never wait: they say what
// to wait for on the socket. So an idle connection needs no buffer, and many records can be moved
// each time the socket is ready.
//
// SIGPIPE must be ignored, or blocked in the thread (io::Thread does).
class ByteStream {
 public:
  enum class Status : std::uint8_t {
    Done,
    WantRead,   // again when the socket is readable
    WantWrite,  // again, with the same bytes, when it is writable
    Closed,     // by the other side, or lost
  };

  struct Outcome {
    Status status = Status::Closed;
    std::size_t bytes = 0;  // at least 1 when Done
  };

  ByteStream() = default;
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;
  virtual ~ByteStream() = default;

  // `out` and `bytes` are not empty. Call read() until it wants something: there may be received
  // bytes of which the socket knows nothing any more.
  virtual Outcome read(MutableByteView out) = 0;
  virtual Outcome write(ByteView bytes) = 0;
  // Says that nothing more is coming, if that can be sent at once.
  virtual void finish() = 0;
  virtual boost::asio::ip::tcp::socket& socket() = 0;
};

// Without TLS. The socket becomes non-blocking.
std::unique_ptr<ByteStream> make_plain_stream(boost::asio::ip::tcp::socket socket);

}  // namespace warren::io
