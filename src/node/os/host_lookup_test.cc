#include "node/os/host_lookup.h"

#include <gtest/gtest.h>

namespace warren::node {
namespace {

TEST(HostsFile, HasTheNamesOfItsLines) {
  constexpr std::string_view kText =
      "127.0.0.1 localhost\n"
      "# 192.0.2.1 commented\n"
      "192.0.2.2\tserver.example Server2  # alias\n"
      "::1 last";
  for (const char* const name :
       {"localhost", "server.example", "SERVER.example.", "server2", "last"}) {
    EXPECT_TRUE(is_in_hosts_file(kText, name)) << name;
  }
  for (const char* const name : {"commented", "alias", "192.0.2.2", "server", ""}) {
    EXPECT_FALSE(is_in_hosts_file(kText, name)) << name;
  }
}

}  // namespace
}  // namespace warren::node
