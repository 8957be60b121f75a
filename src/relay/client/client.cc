#include "relay/client/client.h"

#include <atomic>
#include <utility>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "io/thread.h"
#include "relay/client/constants.h"

namespace warren::relay::client {

namespace asio = boost::asio;

namespace {

class ThreadedClient final : public Client {
 public:
  ThreadedClient(const asio::any_io_executor& control, io::EventFd to_relay)
      : control_(control),
        upcalls_(std::make_shared<Upcalls>(control)),
        to_relay_(std::move(to_relay)),
        work_(asio::make_work_guard(context_)) {}

  ThreadedClient(const ThreadedClient&) = delete;
  ThreadedClient& operator=(const ThreadedClient&) = delete;

  ~ThreadedClient() override {
    upcalls_->silence();
    if (!thread_) return;
    asio::post(context_, [this] {
      loop_->stop();
      work_.reset();
    });
    thread_->join();
  }

  Result<void> start(Loop::Setup setup, Options options) {
    upcalls_->set_on_failure(std::move(options.on_failure));
    loop_.emplace(context_, std::move(setup));
    asio::post(context_, [this] { loop_->start(); });
    // The loop ends when it is stopped, which its destructor does.
    WARREN_TRY(auto thread,
               io::Thread::start("relay", [this](const io::EventFd&) { context_.run(); }));
    thread_.emplace(std::move(thread));
    return {};
  }

  Loop::Setup setup(
      NodePrivateKey key, Random& random, const Log& log, std::uint32_t mark, io::TlsContext tls) {
    return {.key = std::move(key),
            .random = random,
            .log = log,
            .mark = mark,
            .rings = rings_,
            .to_relay = to_relay_,
            .upcalls = upcalls_,
            .tls = std::move(tls)};
  }

  // --- RelayPort

  void attach(Listener* listener, const io::EventFd* to_worker) override {
    upcalls_->set_listener(listener);
    std::optional<io::EventFd> event;
    if (to_worker != nullptr) {
      if (auto copy = to_worker->duplicate()) event = std::move(*copy);
    }
    asio::post(context_, [this, held = std::move(event)]() mutable {
      loop_->set_to_worker(std::move(held));
    });
  }

  void set_map(std::shared_ptr<const Map> map) override {
    asio::post(context_,
               [this, held = std::move(map)]() mutable { loop_->set_map(std::move(held)); });
  }

  void set_home(RegionId region) override {
    asio::post(context_, [this, region] { loop_->set_home(region); });
  }

  void send(const Route& to, ByteView datagram) override {
    call([to, bytes = std::vector<std::uint8_t>(datagram.begin(), datagram.end())](Loop& loop) {
      loop.send(to, bytes);
    });
  }

  void check(RegionId region) override {
    call([region](Loop& loop) { loop.check(region); });
  }

  void measure(RegionId region) override {
    call([region](Loop& loop) { loop.measure(region); });
  }

  void on_network_change() override {
    call([](Loop& loop) { loop.on_network_change(); });
  }

  io::RelayRings& rings() override { return rings_; }

  const io::EventFd& to_relay() const override { return to_relay_; }

  // --- Client

  void read_counters(std::function<void(const ClientCounters&)> on_counters) override {
    asio::post(context_, [this, tell = std::move(on_counters)]() mutable {
      const ClientCounters seen{.engine = loop_->engine().counters(),
                                .loop = loop_->counters(),
                                .calls_full = calls_full_.load(std::memory_order_relaxed)};
      asio::post(control_, [seen, tell_now = std::move(tell)] { tell_now(seen); });
    });
  }

 private:
  // Runs it on the relay thread, unless that is too far behind.
  template <class Function>
  void call(Function function) {
    if (calls_.fetch_add(1, std::memory_order_relaxed) >= kMaxCallsInFlight) {
      calls_.fetch_sub(1, std::memory_order_relaxed);
      calls_full_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    asio::post(context_, [this, run = std::move(function)] {
      calls_.fetch_sub(1, std::memory_order_relaxed);
      run(*loop_);
    });
  }

  asio::any_io_executor control_;
  std::shared_ptr<Upcalls> upcalls_;
  io::RelayRings rings_;
  io::EventFd to_relay_;
  std::atomic<std::size_t> calls_ = 0;
  std::atomic<std::uint64_t> calls_full_ = 0;
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::optional<Loop> loop_;
  std::optional<io::Thread> thread_;
};

}  // namespace

Result<std::unique_ptr<Client>> Client::start(const asio::any_io_executor& control,
                                              NodePrivateKey key,
                                              Options options,
                                              Random& random,
                                              const Log& log) {
  WARREN_TRY(auto to_relay, io::EventFd::create());
  WARREN_TRY(auto tls, io::TlsContext::create());
  auto client = std::make_unique<ThreadedClient>(control, std::move(to_relay));
  auto setup = client->setup(std::move(key), random, log, options.mark, std::move(tls));
  WARREN_TRY_VOID(client->start(std::move(setup), std::move(options)));
  return client;
}

}  // namespace warren::relay::client
