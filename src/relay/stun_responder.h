#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/random.h"
#include "base/result.h"
#include "io/prefix_limiter.h"
#include "io/thread.h"
#include "io/udp_socket_pair.h"

namespace warren::relay {

struct StunOptions {
  std::uint16_t port = 3478;  // 0: any
  // Answers to one prefix: a thousand machines behind one address ask 150 times a second in all
  // (paths 3.5: three requests every 20 to 26 s). What a spoofed flood can reflect on somebody is
  // 200 answers, no longer than the requests for them (demand S16).
  Duration interval = 5ms;
  std::size_t burst = 500;
};

// Relaxed: written by the responder's thread, read by anyone.
struct StunCounters {
  std::atomic<std::uint64_t> answered = 0;
  std::atomic<std::uint64_t> malformed = 0;  // anything but the 40 bytes that are answered
  std::atomic<std::uint64_t> limited = 0;
};

// Tells nodes the address that others see them under (spec: paths section 3.1). Stateless but for
// the rate limit; a thread of its own, so that neither packets nor logins wait for it.
class StunResponder {
 public:
  // `random` is used before this returns only.
  static Result<std::unique_ptr<StunResponder>> start(const StunOptions& options, Random& random);

  StunResponder(const StunResponder&) = delete;
  StunResponder& operator=(const StunResponder&) = delete;
  ~StunResponder();  // stops

  std::uint16_t port() const { return sockets_.port; }

  const StunCounters& counters() const { return counters_; }

 private:
  StunResponder(const StunOptions& options, io::UdpSocketPair sockets, Random& random);

  void run(const io::EventFd& stop);
  class Worker;

  io::UdpSocketPair sockets_;
  io::PrefixLimiter limiter_;
  StunCounters counters_;
  std::unique_ptr<io::Thread> thread_;
};

}  // namespace warren::relay
