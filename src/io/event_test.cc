#include <poll.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/clock.h"
#include "io/epoll.h"
#include "io/event_fd.h"
#include "io/sysctl.h"
#include "io/test_namespace.h"
#include "io/timer_fd.h"

namespace warren::io {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

bool is_readable(int fd, int timeout_milliseconds) {
  pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
  return poll(&ready, 1, timeout_milliseconds) == 1;
}

TEST(EventFd, IsReadableFromSignalToConsume) {
  const EventFd event = EventFd::create().value();
  EXPECT_FALSE(is_readable(event.fd(), 0));
  EXPECT_FALSE(event.consume());
  event.signal();
  event.signal();
  EXPECT_TRUE(is_readable(event.fd(), 0));
  EXPECT_TRUE(event.consume());
  EXPECT_FALSE(event.consume());
}

TEST(EventFd, IsSignalledByItsDuplicate) {
  const EventFd event = EventFd::create().value();
  event.duplicate().value().signal();
  EXPECT_TRUE(event.consume());
}

TEST(TimerFd, IsDueFromItsDeadlineOn) {
  const TimerFd timer = TimerFd::create().value();
  timer.arm(boot_now() + 24h);
  EXPECT_FALSE(is_readable(timer.fd(), 0));
  timer.arm(boot_now() + 1ms);
  EXPECT_TRUE(is_readable(timer.fd(), 5000));
  EXPECT_TRUE(timer.consume());
  EXPECT_FALSE(is_readable(timer.fd(), 0));
  timer.arm(TimePoint{});  // long past
  EXPECT_TRUE(is_readable(timer.fd(), 5000));
  timer.arm(kNever);
  EXPECT_FALSE(is_readable(timer.fd(), 0));
  EXPECT_FALSE(timer.consume());
}

TEST(Epoll, TellsWhichDescriptorIsReady) {
  Epoll epoll = Epoll::create().value();
  const EventFd one = EventFd::create().value();
  const EventFd two = EventFd::create().value();
  ASSERT_TRUE(epoll.add(one.fd(), EPOLLIN, 1));
  ASSERT_TRUE(epoll.add(two.fd(), EPOLLIN, 2));
  EXPECT_EQ(epoll.add(two.fd(), EPOLLIN, 2).error().code, Errc::AlreadyExists);
  std::array<epoll_event, 4> events{};
  EXPECT_THAT(epoll.wait(events, 0), IsEmpty());
  two.signal();
  ASSERT_THAT(epoll.wait(events, -1), SizeIs(1));
  EXPECT_EQ(tag_of(events[0]), 2U);
  ASSERT_TRUE(epoll.modify(two.fd(), EPOLLIN, 22));
  ASSERT_THAT(epoll.wait(events, -1), SizeIs(1));
  EXPECT_EQ(tag_of(events[0]), 22U);
  ASSERT_TRUE(epoll.remove(two.fd()));
  EXPECT_THAT(epoll.wait(events, 0), IsEmpty());
  EXPECT_EQ(epoll.remove(two.fd()).error().code, Errc::NotFound);
}

TEST(Sysctl, ReadsAndWritesOnlyBelowProcSys) {
  EXPECT_EQ(read_sysctl("kernel/ostype").value(), "Linux");
  EXPECT_EQ(read_sysctl("net/nothing/here").error().code, Errc::NotFound);
  for (const char* name : {"", "/etc/passwd", "../version", "net/../../version"}) {
    EXPECT_EQ(read_sysctl(name).error().code, Errc::InvalidArgument) << name;
    EXPECT_EQ(write_sysctl(name, "1").error().code, Errc::InvalidArgument) << name;
  }
}

TEST(Sysctl, WritesInANamespaceOfItsOwn) {
  const auto entered = enter_test_namespace();
  if (!entered) GTEST_SKIP() << entered.error().detail;
  constexpr std::string_view kName = "net/ipv4/conf/all/src_valid_mark";
  EXPECT_EQ(read_sysctl(kName), "0");
  const auto written = write_sysctl(kName, "1");
  if (!written && written.error().code == Errc::PermissionDenied) {
    GTEST_SKIP() << written.error().detail;
  }
  EXPECT_TRUE(written) << written.error().detail;
  EXPECT_EQ(read_sysctl(kName), "1");
}

}  // namespace
}  // namespace warren::io
