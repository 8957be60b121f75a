#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <unordered_map>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/bytes.h"
#include "base/random.h"
#include "dns/core/resolver.h"
#include "io/spawn.h"

namespace warren::dns {

struct UpstreamCounters {
  std::uint64_t errors = 0;      // could not be asked, or refused the connection
  std::uint64_t mismatched = 0;  // replies with another id
};

// Asks other resolvers: a socket for each attempt, with a random port (the kernel's) and a random
// id. Connected, so that only the upstream is heard.
class Upstreams {
 public:
  struct Events {
    // The attempt stays open until cancel().
    std::function<void(AttemptId, ByteView)> on_reply;
    std::function<void(AttemptId)> on_failed;
  };

  // `random` outlives this, and this the tasks.
  Upstreams(io::Tasks& tasks, std::uint32_t mark, Random& random, Events events);
  Upstreams(const Upstreams&) = delete;
  Upstreams& operator=(const Upstreams&) = delete;
  ~Upstreams();

  // May call on_failed before it returns.
  void ask(const boost::asio::any_io_executor& executor, AskUpstream asked);
  void cancel(AttemptId attempt);
  void cancel_all();

  const UpstreamCounters& counters() const { return counters_; }

 private:
  struct Attempt;
  using AttemptPointer = std::shared_ptr<Attempt>;

  boost::asio::awaitable<void> ask_udp(AttemptPointer attempt);
  boost::asio::awaitable<void> ask_tcp(AttemptPointer attempt);
  bool open(Attempt& attempt);
  void accept(const AttemptPointer& attempt, ByteView message);
  void fail(const AttemptPointer& attempt);

  io::Tasks& tasks_;
  std::uint32_t mark_;
  Random& random_;
  Events events_;
  std::unordered_map<AttemptId, AttemptPointer> attempts_;  // as many as the resolver allows
  UpstreamCounters counters_;
};

}  // namespace warren::dns
