#include "node/os/rule_guard.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "io/clock.h"
#include "io/rule_monitor.h"
#include "node/os/policy_rules.h"
#include "node/os/restore_schedule.h"

namespace warren::node {

class RuleGuard::Watch : public std::enable_shared_from_this<Watch> {
 public:
  Watch(const boost::asio::any_io_executor& executor,
        io::RuleMonitor monitor,
        HostNetwork& network,
        Log& log)
      : monitor_(std::move(monitor)),
        network_(network),
        log_(log),
        news_(executor),
        timer_(executor) {}

  Result<void> start() {
    const int news = fcntl(monitor_.fd(), F_DUPFD_CLOEXEC, 0);  // Asio closes what it is given
    if (news < 0) return unexpected(errno_error("watch the routing rules", errno));
    news_.assign(news);
    wait_for_news();
    return {};
  }

  void stop() {
    is_stopped_ = true;
    timer_.cancel();
    boost::system::error_code ignored;
    news_.close(ignored);
  }

 private:
  void wait_for_news() {
    news_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                     [self = shared_from_this()](boost::system::error_code error) {
                       if (error || self->is_stopped_) return;
                       self->on_news();
                       self->wait_for_news();
                     });
  }

  void on_news() {
    const io::RuleChanges changes = monitor_.drain();
    if (!changes.missed && std::ranges::none_of(changes.removed, is_ours)) return;
    if (schedule_.next_timeout() != kNever) return;
    schedule_.on_removed(io::boot_now());
    wait_for_timer();
  }

  void wait_for_timer() {
    timer_.expires_after(std::max(schedule_.next_timeout() - io::boot_now(), Duration::zero()));
    timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
      if (!error && !self->is_stopped_) self->on_timer();
    });
  }

  void on_timer() {
    if (schedule_.on_timeout(io::boot_now())) restore();
    if (schedule_.next_timeout() != kNever) wait_for_timer();
  }

  void restore() {
    const auto restored = network_.restore_rules();
    if (restored) {
      if (*restored > 0) log_.info("node: restored routing rules rules={}", *restored);
      return;
    }
    log_.warn("node: cannot restore the routing rules reason=\"{}\"", restored.error().detail);
    schedule_.on_removed(io::boot_now());
  }

  io::RuleMonitor monitor_;
  HostNetwork& network_;
  Log& log_;
  boost::asio::posix::stream_descriptor news_;
  boost::asio::steady_timer timer_;
  RestoreSchedule schedule_;
  bool is_stopped_ = false;
};

Result<std::unique_ptr<RuleGuard>> RuleGuard::start(const boost::asio::any_io_executor& executor,
                                                    HostNetwork& network,
                                                    Log& log) {
  WARREN_TRY(io::RuleMonitor monitor, io::RuleMonitor::open());
  auto watch = std::make_shared<Watch>(executor, std::move(monitor), network, log);
  WARREN_TRY_VOID(watch->start());
  return std::unique_ptr<RuleGuard>(new RuleGuard(std::move(watch)));
}

RuleGuard::~RuleGuard() {
  watch_->stop();
}

}  // namespace warren::node
