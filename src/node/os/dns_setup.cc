#include "node/os/dns_setup.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "io/clock.h"
#include "node/os/dns_file.h"

namespace warren::node {

namespace asio = boost::asio;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr Duration kSettle = 250ms;  // news of files come in swarms
constexpr Duration kRetry = 30s;
constexpr Duration kWork = 15s;  // all calls of a backend together, each with its limit
constexpr std::size_t kMaxWaiting = 2;

}  // namespace

struct DnsSetup::Worker {
  explicit Worker(DnsHost from) : host(std::move(from)) {}

  // Whoever manages the host's names may be another than at our start: systemd-resolved starts
  // late, or is installed. Not while something is in force.
  void detect() {
    const DnsManager found = detect_dns_manager(host);
    if (found == manager()) return;
    backend = make_dns_backend(host, found);
  }

  DnsManager manager() const { return backend ? backend->manager() : DnsManager::None; }

  Result<void> set(const OsDnsConfig& config) {
    if (!backend) return {};
    auto done = backend->set(config);
    is_in_force = !config.is_hands_off();
    return done;
  }

  View view() {
    View out;
    out.manager = manager();
    if (!backend) {
      // It is left alone, and may still be read.
      const DnsFile file(host);
      out.base = file.base();
      out.watched = file.watched();
      return out;
    }
    out.holds = backend->holds();
    out.base = backend->base();
    out.watched = backend->watched();
    return out;
  }

  const DnsHost host;
  std::unique_ptr<DnsBackend> backend;  // null: the host is left alone
  bool is_in_force = false;
};

Result<std::unique_ptr<DnsSetup>> DnsSetup::open(const asio::any_io_executor& executor,
                                                 DnsHost host,
                                                 Log log,
                                                 std::function<void()> changed) {
  const auto cleaned = clean_dns(host);
  if (!cleaned) {
    log.error("dns: the host's name resolution is not as it was: {}", cleaned.error().detail);
  } else if (*cleaned) {
    log.info("dns: took back what an earlier run left");
  }
  WARREN_TRY(DnsWatch watch, DnsWatch::open());
  auto worker = std::make_shared<Worker>(std::move(host));
  worker->detect();
  std::unique_ptr<DnsSetup> out(new DnsSetup(executor, std::move(worker), std::move(watch),
                                             std::move(log), std::move(changed)));
  const int news = fcntl(out->watch_.fd(), F_DUPFD_CLOEXEC, 0);  // Asio closes what it is given
  if (news < 0) return unexpected(errno_error("watch files", errno));
  out->news_.assign(news);
  out->view_ = out->worker_->view();
  out->watch_.watch(out->view_.watched);
  out->log_.info("dns: the host's names are managed by {}", to_string(out->view_.manager));
  out->tasks_.spawn("dns: news of files", out->read_news());
  out->tasks_.spawn("dns: host setup", out->work());
  return out;
}

DnsSetup::DnsSetup(const asio::any_io_executor& executor,
                   std::shared_ptr<Worker> worker,
                   DnsWatch watch,
                   Log log,
                   std::function<void()> changed)
    : worker_(std::move(worker)),
      log_(std::move(log)),
      changed_(std::move(changed)),
      watch_(std::move(watch)),
      news_(executor),
      timer_(executor),
      tasks_(executor, log_) {
  pool_.emplace(/*threads=*/1, kMaxWaiting);
}

DnsSetup::~DnsSetup() {
  pool_.reset();
  if (is_stopping_ || !worker_->is_in_force) return;
  if (const auto done = worker_->set({}); !done) {
    log_.error("dns: the host's name resolution is not as it was: {}", done.error().detail);
  }
}

void DnsSetup::apply(const OsDnsConfig& config) {
  if (wanted_ == config) return;
  wanted_ = config;
  retry_at_ = kNever;
  timer_.cancel();
}

void DnsSetup::look_again() {
  look_at_ = std::min(look_at_, io::boot_now() + kSettle);
  timer_.cancel();
}

std::vector<std::string> DnsSetup::health() const {
  std::vector<std::string> out;
  if (!problem_.empty()) {
    out.push_back("This machine does not resolve the network's names: " + problem_);
  }
  if (overwrites_.is_fought()) {
    out.emplace_back(
        "Another program overwrites /etc/resolv.conf again and again, so this machine does not "
        "resolve the network's names: let that program alone manage it, or use `warren set "
        "--accept-dns=false`");
  }
  return out;
}

TimePoint DnsSetup::next_timeout() const {
  return std::min({retry_at_, look_at_, overwrites_.next_timeout()});
}

asio::awaitable<void> DnsSetup::work() {
  while (!is_stopping_) {
    const TimePoint now = io::boot_now();
    const bool is_due = overwrites_.on_timeout(now);
    if (is_due || now >= retry_at_ || (wanted_ != told_ && retry_at_ == kNever)) {
      co_await tell();
      continue;
    }
    if (now >= look_at_) {
      look_at_ = kNever;
      co_await look();
      continue;
    }
    timer_.expires_after(std::clamp<Duration>(next_timeout() - now, 0ns, 24h));
    co_await timer_.async_wait(kAwait);
  }
}

asio::awaitable<void> DnsSetup::tell() {
  const OsDnsConfig config = wanted_;
  const bool is_first = told_.is_hands_off();
  const auto done = co_await io::run_blocking(
      *pool_, io::boot_now() + kWork,
      [worker = worker_, config, is_first]() -> Result<std::pair<Result<void>, View>> {
        if (is_first && !config.is_hands_off()) worker->detect();
        auto set = worker->set(config);
        return std::pair(std::move(set), worker->view());
      });
  if (is_stopping_) co_return;
  told_ = config;
  std::string problem;
  if (!done) {
    problem = done.error().detail;
  } else if (!done->first) {
    problem = done->first.error().detail;
  }
  retry_at_ = problem.empty() ? kNever : io::boot_now() + kRetry;
  if (!problem.empty() && problem != problem_) log_.warn("dns: set up the host: {}", problem);
  const bool is_news = problem != std::exchange(problem_, problem);
  if (problem.empty()) {
    log_.info("dns: {} by {}",
              config.is_hands_off() ? "the host is as it was" : "the host is set up",
              to_string(done->second.manager));
  }
  if (config.is_hands_off()) overwrites_ = DnsOverwrites();
  if (done) take(done->second);
  if (is_news) changed_();
}

asio::awaitable<void> DnsSetup::look() {
  const auto found =
      co_await io::run_blocking(*pool_, io::boot_now() + kWork,
                                [worker = worker_]() -> Result<View> { return worker->view(); });
  if (is_stopping_ || !found) co_return;
  take(*found);
}

void DnsSetup::take(View view) {
  const bool was_fought = overwrites_.is_fought();
  if (!told_.is_hands_off()) {
    if (!view.holds) {
      if (overwrites_.next_timeout() == kNever) {
        log_.info("dns: others overwrote the host's setup");
        overwrites_.on_overwritten(io::boot_now());
      }
    } else {
      overwrites_.on_holding(io::boot_now());
      // Whether they leave it alone from now on, time tells.
      if (overwrites_.is_fought()) look_at_ = io::boot_now() + DnsOverwrites::kFight;
    }
  }
  watch_.watch(view.watched);
  const bool is_news = view.base != view_.base || view.manager != view_.manager ||
                       was_fought != overwrites_.is_fought();
  view_ = std::move(view);
  if (is_news) changed_();
}

asio::awaitable<void> DnsSetup::read_news() {
  while (true) {
    const auto [error] = co_await news_.async_wait(asio::posix::descriptor_base::wait_read, kAwait);
    if (error) co_return;
    if (watch_.drain()) look_again();
  }
}

asio::awaitable<void> DnsSetup::stop() {
  is_stopping_ = true;
  timer_.cancel();
  boost::system::error_code ignored;
  news_.close(ignored);
  tasks_.cancel();
  co_await tasks_.wait();
  const auto done = co_await io::run_blocking(
      *pool_, io::boot_now() + kWork, [worker = worker_]() -> Result<void> {
        return worker->is_in_force ? worker->set({}) : Result<void>();
      });
  if (!done) {
    log_.error("dns: the host's name resolution is not as it was: {}", done.error().detail);
  }
}

}  // namespace warren::node
