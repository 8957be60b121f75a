#include "cli/wg.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <vector>

#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/background.h"
#include "cli/root.h"
#include "plain/testing.h"

namespace warren::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr std::string_view kGood =
    "[Interface]\nPrivateKey = oK56DE9Ue9zK76rAc8pBl6opph+1v36lm7cXXsQKrQM=\nAddress = 10.0.0.1\n";

class CliTest : public ::testing::Test {
 protected:
  int run(std::vector<const char*> args) {
    args.insert(args.begin(), "warren");
    out.str("");
    err.str("");
    return cli::run(static_cast<int>(args.size()), args.data(), context);
  }

  std::string write(std::string_view name, std::string_view text, mode_t mode) const {
    const std::string path = directory.path() + "/" + std::string(name);
    std::ofstream(path) << text;
    EXPECT_EQ(chmod(path.c_str(), mode), 0);
    return path;
  }

  plain::TemporaryDirectory directory;
  std::ostringstream out;
  std::ostringstream err;
  std::optional<plain::RunOptions> started;
  std::optional<LogLevel> level;
  Result<void> outcome;
  int backgrounds = 0;
  Context context{
      .out = out,
      .err = err,
      .run_wg = [this](const plain::RunOptions& options,
                       LogLevel log_level,
                       const Context::WhenReady& ready) -> Result<void> {
        started = options;
        level = log_level;
        if (outcome) ready({options.device, 51820, {}});
        return outcome;
      },
      .in_background =
          [this](const Context::Work& work) {
            ++backgrounds;
            return work([] {});
          },
  };
};

TEST_F(CliTest, RunsAFileUnderItsOwnName) {
  EXPECT_EQ(run({"wg", "--config", "/etc/wireguard/wg0.conf"}), 0);
  ASSERT_TRUE(started);
  EXPECT_EQ(started->device, "wg0");
  EXPECT_EQ(started->config_path, "/etc/wireguard/wg0.conf");
  EXPECT_TRUE(started->udp_gso && started->udp_gro);
  EXPECT_EQ(level, LogLevel::Info);
  EXPECT_THAT(err.str(), StartsWith("warren: wg0 is up, listening on UDP port 51820"));
  EXPECT_EQ(backgrounds, 0);
}

TEST_F(CliTest, PassesEverySwitchOn) {
  EXPECT_EQ(run({"wg", "--name", "office", "--cipher", "evp", "--log-level", "debug",
                 "--no-udp-gso", "--no-udp-gro", "--no-tun-offloads", "--background"}),
            0);
  ASSERT_TRUE(started);
  EXPECT_EQ(started->device, "office");
  EXPECT_FALSE(started->config_path);
  EXPECT_EQ(started->cipher, CipherChoice::Evp);
  EXPECT_EQ(started->tun_offloads, io::TunOffloadChoice::None);
  EXPECT_FALSE(started->udp_gso || started->udp_gro);
  EXPECT_EQ(level, LogLevel::Debug);
  EXPECT_EQ(backgrounds, 1);
}

TEST_F(CliTest, BadUsageSaysWhatToDo) {
  const auto expect = [&](std::vector<const char*> args, std::string_view hint) {
    EXPECT_EQ(run(std::move(args)), kBadUsage);
    EXPECT_THAT(err.str(), HasSubstr(hint));
    EXPECT_FALSE(started);
  };
  expect({}, "A subcommand is required");
  expect({"wg"}, "--config FILE");
  expect({"wg", "--config", "/etc/wireguard/a name.conf"}, "--name");
  expect({"wg", "--name", "sixteen-letters-"}, "1 to 15");
  expect({"wg", "--name", "wg0", "--cipher", "rot13"}, "auto, ipsec-mb or evp");
  expect({"wg", "--name", "wg0", "--log-level", "loud"}, "info, warn");
  expect({"wg", "--name", "wg0", "--check"}, "--config");
  expect({"wg", "--no-such-option"}, "--help");
}

TEST_F(CliTest, AFailureIsPrintedOnce) {
  outcome = fail(Errc::PermissionDenied, "open /dev/net/tun: run as root");
  EXPECT_EQ(run({"wg", "--name", "wg0"}), kFailed);
  EXPECT_EQ(err.str(), "warren wg: open /dev/net/tun: run as root\n");
}

TEST_F(CliTest, ChecksAFileWithoutStarting) {
  const std::string good = write("wg0.conf", kGood, 0600);
  EXPECT_EQ(run({"wg", "--check", "--config", good.c_str()}), 0);
  EXPECT_EQ(out.str(), good + ": OK: device wg0, addresses 1, peers 0\n");
  EXPECT_THAT(err.str(), IsEmpty());
  const std::string open = write("wg1.conf", kGood, 0644);
  EXPECT_EQ(run({"wg", "--check", "--config", open.c_str()}), 0);
  EXPECT_THAT(err.str(), HasSubstr("chmod 600"));
  const std::string bad = write("wg2.conf", "[Interface]\nMTU = x\n", 0600);
  EXPECT_EQ(run({"wg", "--check", "--config", bad.c_str()}), kFailed);
  EXPECT_THAT(err.str(), HasSubstr("wg2.conf: line 2: MTU"));
  EXPECT_FALSE(started);
}

TEST_F(CliTest, HelpShowsAnExampleAndWhatComesNext) {
  EXPECT_EQ(run({"wg", "--help"}), 0);
  EXPECT_THAT(out.str(), AllOf(HasSubstr("[Interface]"), HasSubstr("wg show wg0"),
                               HasSubstr("WG_QUICK_USERSPACE_IMPLEMENTATION")));
  EXPECT_EQ(run({"--help"}), 0);
  EXPECT_THAT(out.str(), HasSubstr("wg-quick file"));
}

TEST_F(CliTest, PrintsTheVersion) {
  EXPECT_EQ(run({"version"}), 0);
  EXPECT_THAT(out.str(), StartsWith("warren 0."));
  EXPECT_EQ(run({"--version"}), 0);
  EXPECT_THAT(out.str(), StartsWith("warren 0."));
}

// The child must not return into the test's own process tree: it leaves at once.
TEST(Background, ReturnsWhenTheChildIsReadyOrEnds) {
  EXPECT_EQ(run_in_background([](const std::function<void()>& ready) -> int {
              ready();
              std::_Exit(9);
            }),
            0);
  EXPECT_EQ(run_in_background([](const std::function<void()>& /*ready*/) -> int { std::_Exit(7); }),
            7);
  EXPECT_EQ(run_in_background([](const std::function<void()>& /*ready*/) -> int { std::_Exit(0); }),
            kFailed)
      << "ended without being ready";
}

}  // namespace
}  // namespace warren::cli
