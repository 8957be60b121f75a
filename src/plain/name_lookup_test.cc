#include "plain/name_lookup.h"

#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/log.h"
#include "io/spawn.h"

namespace warren::plain {
namespace {

namespace asio = boost::asio;
using ::testing::ElementsAre;

asio::awaitable<void> look_up_into(std::shared_ptr<Result<std::vector<Endpoint>>> out) {
  *out = co_await look_up_name("192.0.2.1", 51820);
}

TEST(NameLookup, ReturnsAddressesWithThePort) {
  asio::io_context loop(1);
  const auto found = std::make_shared<Result<std::vector<Endpoint>>>();
  io::spawn(loop.get_executor(), Log::nowhere(), "test", look_up_into(found));
  loop.run();
  ASSERT_TRUE(*found);
  EXPECT_THAT(**found, ElementsAre(*Endpoint::parse("192.0.2.1:51820")));
}

TEST(NameLookup, LeavesTheThreadAloneWhenItIsCancelled) {
  asio::io_context loop(1);
  const auto found = std::make_shared<Result<std::vector<Endpoint>>>();
  io::Tasks tasks(loop.get_executor(), Log::nowhere());
  tasks.spawn("test", look_up_into(found));
  tasks.cancel();
  loop.run();
  EXPECT_EQ(tasks.running(), 0U);
}

}  // namespace
}  // namespace warren::plain
