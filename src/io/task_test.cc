#include <csignal>
#include <filesystem>
#include <future>
#include <optional>
#include <stdexcept>
#include <thread>

#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/clock.h"
#include "io/file_descriptor.h"
#include "io/resolver.h"
#include "io/run_blocking.h"
#include "io/spawn.h"
#include "io/thread.h"
#include "io/unix_listener.h"

namespace warren::io {
namespace {

namespace asio = boost::asio;

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// Runs one task to its end and returns what it returned.
template <class T>
T run(asio::io_context& loop, asio::awaitable<T> task) {
  std::optional<T> out;
  const auto keep = [](asio::awaitable<T> inner,
                       std::optional<T>* result) -> asio::awaitable<void> {
    *result = co_await std::move(inner);
  };
  spawn(loop.get_executor(), Log::nowhere(), "test", keep(std::move(task), &out));
  loop.restart();
  while (!out && loop.run_one() > 0) {
  }
  return std::move(out).value();
}

asio::awaitable<void> wait_for_ever(bool* ended) {
  asio::steady_timer timer(co_await asio::this_coro::executor,
                           asio::steady_timer::time_point::max());
  co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  *ended = true;
}

asio::awaitable<void> throw_something() {
  throw std::runtime_error("broken");
  co_return;
}

asio::awaitable<void> stop(Tasks* tasks, bool* stopped) {
  tasks->cancel();
  co_await tasks->wait();
  *stopped = true;
}

TEST(Thread, RunsUntilStoppedUnderItsNameWithoutSignals) {
  std::string name(16, '\0');
  bool terminated_blocked = false;
  {
    std::promise<void> running;
    auto thread = Thread::start("a-name-that-is-too-long", [&](const EventFd& stop) {
                    sigset_t blocked;
                    pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
                    terminated_blocked = sigismember(&blocked, SIGTERM) == 1;
                    running.set_value();
                    pollfd ready{.fd = stop.fd(), .events = POLLIN, .revents = 0};
                    poll(&ready, 1, -1);
                    pthread_getname_np(pthread_self(), name.data(), name.size());
                  }).value();
    running.get_future().wait();
  }
  EXPECT_STREQ(name.c_str(), "a-name-that-is-");
  EXPECT_TRUE(terminated_blocked);
  sigset_t blocked;
  pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  EXPECT_EQ(sigismember(&blocked, SIGTERM), 0);
}

TEST(Thread, JoinWaitsForABodyThatEndsByItself) {
  bool ran = false;
  auto thread = Thread::start("short", [&](const EventFd&) { ran = true; }).value();
  thread.join();
  EXPECT_TRUE(ran);
}

TEST(Tasks, CancelEndsTheirWaitsAndWaitSeesTheLastOne) {
  asio::io_context loop;
  Tasks tasks(loop.get_executor(), Log::nowhere());
  bool ended[] = {false, false};
  bool stopped = false;
  tasks.spawn("one", wait_for_ever(&ended[0]));
  tasks.spawn("two", wait_for_ever(&ended[1]));
  loop.poll();
  EXPECT_EQ(tasks.running(), 2U);
  spawn(loop.get_executor(), Log::nowhere(), "stop", stop(&tasks, &stopped));
  loop.run();
  EXPECT_TRUE(ended[0] && ended[1] && stopped);
  EXPECT_EQ(tasks.running(), 0U);
  tasks.spawn("late", wait_for_ever(&ended[0]));
  EXPECT_EQ(tasks.running(), 0U);
}

TEST(Tasks, MayGoBeforeTheirLoop) {
  asio::io_context loop;
  bool ended = false;
  {
    Tasks tasks(loop.get_executor(), Log::nowhere());
    tasks.spawn("one", wait_for_ever(&ended));
    loop.poll();
  }
  loop.restart();
  loop.run();
  EXPECT_TRUE(ended);
}

TEST(Spawn, LogsTheFailureUnderTheTasksName) {
  asio::io_context loop;
  testing::internal::CaptureStderr();
  spawn(loop.get_executor(), Log::to_stderr(LogLevel::Error), "frobnicate", throw_something());
  loop.run();
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              AllOf(HasSubstr("task=frobnicate"), HasSubstr("reason=broken")));
}

TEST(RunBlocking, ReturnsToTheCallersThread) {
  asio::io_context loop;
  BlockingPool pool(1, 4);
  std::thread::id worker;
  auto call = [&worker]() -> Result<int> {
    worker = std::this_thread::get_id();
    return 42;
  };
  EXPECT_EQ(run(loop, run_blocking(pool, kNever, std::move(call))), 42);
  EXPECT_NE(worker, std::this_thread::get_id());
  auto failing = []() -> Result<int> { return fail(Errc::Io, "x"); };
  EXPECT_EQ(run(loop, run_blocking(pool, kNever, std::move(failing))).error().detail, "x");
}

TEST(RunBlocking, GivesUpAtTheDeadlineAndRefusesWhenTooManyWait) {
  asio::io_context loop;
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  BlockingPool pool(1, 0);
  auto stuck = [released]() -> Result<int> {
    released.wait();
    return 1;
  };
  const auto late = run(loop, run_blocking(pool, boot_now() + 1ms, stuck));
  EXPECT_EQ(late.error().code, Errc::Timeout);
  const auto refused = run(loop, run_blocking(pool, kNever, stuck));
  EXPECT_EQ(refused.error().code, Errc::Unavailable);
  release.set_value();
}

TEST(Resolver, NeedsNoNameServiceForNumbersAndLocalhost) {
  asio::io_context loop;
  BlockingPool pool(1, 4);
  const Endpoint v6 = Endpoint::parse("[2001:db8::1]:7").value();
  EXPECT_THAT(resolve("2001:db8::1", 7, TimePoint{}).value(), ElementsAre(v6));
  EXPECT_THAT(run(loop, async_resolve(pool, "2001:db8::1", 7, TimePoint{})).value(),
              ElementsAre(v6));
  const Endpoint local = Endpoint::parse("127.0.0.1:7").value();
  EXPECT_THAT(resolve("localhost", 7, kNever).value(), testing::Contains(local));
  EXPECT_THAT(run(loop, async_resolve(pool, "localhost", 7, kNever)).value(),
              testing::Contains(local));
}

TEST(Resolver, SaysWhichNameHasNoAddress) {
  asio::io_context loop;
  BlockingPool pool(1, 4);
  // A label of 64 letters is refused before anyone is asked (RFC 1035 section 2.3.4).
  const std::string bad(64, 'x');
  const auto failed = resolve(bad, 7, kNever);
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().detail, HasSubstr("resolve xxx"));
  EXPECT_EQ(run(loop, async_resolve(pool, bad, 7, kNever)).error(), failed.error());
}

class UnixListenerTest : public testing::Test {
 protected:
  UnixListenerTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "unix_listener.XXXXXX";
    directory = mkdtemp(pattern.data());
    path = directory / "x.sock";
  }

  void TearDown() override { std::filesystem::remove_all(directory); }

  Result<UnixListener> listen() { return UnixListener::listen(loop.get_executor(), path); }

  asio::io_context loop;
  std::filesystem::path directory;
  std::filesystem::path path;
};

TEST_F(UnixListenerTest, AcceptsOnASocketOfItsOwnerOnlyAndRemovesItsFile) {
  {
    auto listener = std::move(listen().value());
    struct stat status{};
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
    asio::local::stream_protocol::socket client(loop);
    client.connect(path.string());
    const auto accepted = listener.acceptor().accept();
    EXPECT_TRUE(accepted.is_open());
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(UnixListenerTest, GivesItsFileToAGroup) {
  constexpr gid_t kSome = 4242;
  const gid_t group = geteuid() == 0 ? kSome : getegid();  // others may give to their own only
  const auto listener = UnixListener::listen(loop.get_executor(), path, 0660, group);
  ASSERT_TRUE(listener) << listener.error().detail;
  struct stat status{};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0660U);
  EXPECT_EQ(status.st_gid, group);
  EXPECT_EQ(status.st_uid, geteuid());
}

TEST_F(UnixListenerTest, TakesOverAStaleFile) {
  FileDescriptor fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_TRUE(fd.is_open());
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  path.string().copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
  ASSERT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  fd.close();  // as a killed program: the file stays
  EXPECT_TRUE(listen());
}

TEST_F(UnixListenerTest, RefusesWhatAnotherListensOnAndWhatIsNoSocket) {
  {
    const auto first = listen();
    const auto second = listen();
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::AlreadyExists);
    EXPECT_THAT(second.error().detail, HasSubstr("another program"));
    EXPECT_TRUE(std::filesystem::exists(path));
  }
  std::filesystem::create_directory(path);
  EXPECT_THAT(listen().error().detail, HasSubstr("no socket"));
  path = std::string(200, 'x');
  EXPECT_EQ(listen().error().code, Errc::InvalidArgument);
}

}  // namespace
}  // namespace warren::io
