#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <boost/asio/ip/tcp.hpp>

#include "base/bytes.h"

namespace warren::io {

// A connection with or without TLS, of a server or a client. Reads and writes never wait: they say
// what to wait for on the socket. So an idle connection needs no buffer, and many records can be
// moved each time the socket is ready.
//
// SIGPIPE must be ignored, or blocked in the thread (io::Thread does).
class ByteStream {
 public:
  enum class Status : std::uint8_t {
    Done,
    WantRead,   // again when the socket is readable
    WantWrite,  // again when it is writable
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

  // `out` is not empty. Call it until it wants something: there may be received bytes of which the
  // socket knows nothing any more.
  virtual Outcome read(MutableByteView out) = 0;
  // Takes all of `bytes`, which are not empty, and hands the socket as much of them as it takes, in
  // one piece: whoever reads at the other end is woken once. WantWrite: the rest waits here for
  // flush(); until that is done, nothing more should be written, or it waits here too.
  virtual Status write(ByteView bytes) = 0;
  // Done, WantWrite or Closed.
  virtual Status flush() = 0;
  // Says that nothing more is coming, if that can be sent at once.
  virtual void finish() = 0;
  virtual boost::asio::ip::tcp::socket& socket() = 0;
};

// Without TLS. The socket becomes non-blocking.
std::unique_ptr<ByteStream> make_plain_stream(boost::asio::ip::tcp::socket socket);

}  // namespace warren::io
