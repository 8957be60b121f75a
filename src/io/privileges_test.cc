#include "io/privileges.h"

#include <array>
#include <functional>
#include <string>
#include <thread>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/file.h"

namespace warren::io {
namespace {

using testing::HasSubstr;

// What a child process says after it dropped its privileges; empty when it could not.
std::string run_in_child(const std::function<std::string()>& body) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) return {};
  const pid_t child = fork();
  if (child == 0) {
    const std::string said = body();
    static_cast<void>(!write(ends[1], said.data(), said.size()));
    _exit(0);
  }
  close(ends[1]);
  std::string out;
  std::array<char, 4096> buffer{};
  for (ssize_t got = 0; (got = read(ends[0], buffer.data(), buffer.size())) > 0;)
    out.append(buffer.data(), static_cast<std::size_t>(got));
  close(ends[0]);
  waitpid(child, nullptr, 0);
  return out;
}

TEST(Privileges, AreThoseOfTheNetworkAloneAfterwards) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const std::string said = run_in_child([] {
    const auto dropped = drop_privileges();
    const auto status = read_file("/proc/self/status", 65536);
    return dropped ? status.value_or("") : dropped.error().detail;
  });
  // CAP_NET_ADMIN is bit 12, CAP_NET_RAW bit 13 (linux/capability.h).
  EXPECT_THAT(said, HasSubstr("CapInh:\t0000000000000000\n"));
  EXPECT_THAT(said, HasSubstr("CapPrm:\t0000000000003000\n"));
  EXPECT_THAT(said, HasSubstr("CapEff:\t0000000000003000\n"));
  EXPECT_THAT(said, HasSubstr("CapBnd:\t0000000000003000\n"));
  EXPECT_THAT(said, HasSubstr("CapAmb:\t0000000000000000\n"));
  EXPECT_THAT(said, HasSubstr("NoNewPrivs:\t1\n"));
}

TEST(Privileges, MayBeDroppedTwice) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const std::string said = run_in_child([] {
    static_cast<void>(drop_privileges());
    const auto again = drop_privileges();
    return again ? "done" : again.error().detail;
  });
  EXPECT_EQ(said, "done");
}

TEST(Privileges, SayWhatToDoWhenThereAreNone) {
  const std::string said = run_in_child([] {
    if (geteuid() == 0) static_cast<void>(!setuid(65534));
    const auto dropped = drop_privileges();
    return dropped ? "dropped" : dropped.error().detail;
  });
  EXPECT_THAT(said, HasSubstr("run it as root"));
}

TEST(Privileges, StayWhenThereIsASecondThread) {
  const std::string said = run_in_child([] {
    std::string out;
    std::thread([&] {
      const auto dropped = drop_privileges();
      out = dropped ? "dropped" : dropped.error().detail;
    }).join();
    return out;
  });
  EXPECT_THAT(said, HasSubstr("another thread"));
}

}  // namespace
}  // namespace warren::io
