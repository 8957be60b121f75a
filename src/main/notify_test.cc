#include "main/notify.h"

#include <array>
#include <cstdlib>
#include <string>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "io/file_descriptor.h"

namespace warren {
namespace {

TEST(Notify, TellsTheSocketThatSystemdNames) {
  const std::string path = testing::TempDir() + "notify.sock";
  unlink(path.c_str());
  const io::FileDescriptor fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
  ASSERT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  setenv("NOTIFY_SOCKET", path.c_str(), 1);
  notify_ready("two machines");
  std::array<char, 256> buffer{};
  const ssize_t size = recv(fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  ASSERT_GT(size, 0);
  EXPECT_EQ(std::string(buffer.data(), static_cast<std::size_t>(size)),
            "READY=1\nSTATUS=two machines");
  unsetenv("NOTIFY_SOCKET");
  notify_alive();  // nobody is told
  EXPECT_LT(recv(fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT), 0);
  unlink(path.c_str());
}

}  // namespace
}  // namespace warren
