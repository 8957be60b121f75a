#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/log.h"
#include "base/result.h"
#include "io/run_blocking.h"
#include "io/spawn.h"
#include "node/os/dns_backend.h"
#include "node/os/dns_overwrites.h"
#include "node/os/dns_watch.h"

namespace warren::node {

// The host's name resolution while the node is up: tells the host what the plan says, tells it
// again when others overwrote it, follows what the host would use without us, and takes everything
// back. What blocks runs on a thread of its own. On one strand; `log` and what the observer refers
// to outlive it.
class DnsSetup {
 public:
  // `changed`: base(), manager() or health() says something else. Not called from apply().
  // First takes back what a run that was killed has left, and looks who manages the host's names:
  // this blocks, seconds at most.
  static Result<std::unique_ptr<DnsSetup>> open(const boost::asio::any_io_executor& executor,
                                                DnsHost host,
                                                Log log,
                                                std::function<void()> changed);
  DnsSetup(const DnsSetup&) = delete;
  DnsSetup& operator=(const DnsSetup&) = delete;
  ~DnsSetup();  // without stop(): takes everything back, and blocks for that

  // From now on. The last one counts; what takes time happens later.
  void apply(const OsDnsConfig& config);

  // The host's network is another: what it would use without us may be too.
  void look_again();

  const OsDnsBase& base() const { return view_.base; }

  DnsManager manager() const { return view_.manager; }

  // What the host was told. Empty: nothing.
  const OsDnsConfig& told() const { return told_; }

  // What is wrong, a sentence each.
  std::vector<std::string> health() const;

  // Takes everything back and ends.
  boost::asio::awaitable<void> stop();

 private:
  // What the thread works on; it may outlive the object while a program hangs.
  struct Worker;

  struct View {
    DnsManager manager = DnsManager::None;
    OsDnsBase base;
    bool holds = true;
    std::vector<std::string> watched;
  };

  DnsSetup(const boost::asio::any_io_executor& executor,
           std::shared_ptr<Worker> worker,
           DnsWatch watch,
           Log log,
           std::function<void()> changed);

  boost::asio::awaitable<void> work();
  boost::asio::awaitable<void> tell();
  boost::asio::awaitable<void> look();
  boost::asio::awaitable<void> read_news();
  void take(View view);
  TimePoint next_timeout() const;

  std::shared_ptr<Worker> worker_;
  Log log_;
  std::function<void()> changed_;
  View view_;
  OsDnsConfig wanted_;
  OsDnsConfig told_;
  std::string problem_;
  TimePoint retry_at_ = kNever;  // after a failure
  TimePoint look_at_ = kNever;
  DnsOverwrites overwrites_;
  bool is_stopping_ = false;
  DnsWatch watch_;
  boost::asio::posix::stream_descriptor news_;
  boost::asio::steady_timer timer_;
  std::optional<io::BlockingPool> pool_;  // goes before what it works on is touched from outside
  io::Tasks tasks_;
};

}  // namespace warren::node
