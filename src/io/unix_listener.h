#pragma once

#include <optional>
#include <string>

#include <sys/types.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include "base/result.h"

namespace warren::io {

// A listening Unix socket; its file goes with it.
class UnixListener {
 public:
  using Acceptor = boost::asio::local::stream_protocol::acceptor;

  // Takes over the file of a program that was killed. AlreadyExists when a program listens there,
  // or when the file is no socket. Who may write to the file by its `mode` may connect: at first
  // its owner only. `group`: whose the file is, of this process's own ones unless it is root.
  static Result<UnixListener> listen(const boost::asio::any_io_executor& executor,
                                     const std::string& path,
                                     mode_t mode = 0600,
                                     std::optional<gid_t> group = std::nullopt);

  UnixListener(UnixListener&& other) noexcept;
  UnixListener& operator=(UnixListener&&) = delete;
  ~UnixListener();

  Acceptor& acceptor() { return acceptor_; }

 private:
  UnixListener(Acceptor acceptor, std::string path)
      : acceptor_(std::move(acceptor)), path_(std::move(path)) {}

  Acceptor acceptor_;
  std::string path_;  // empty: moved away
};

}  // namespace warren::io
