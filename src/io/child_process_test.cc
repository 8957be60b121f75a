#include "io/child_process.h"

#include <gtest/gtest.h>

#include "io/clock.h"

namespace warren::io {
namespace {

TimePoint soon() {
  return boot_now() + 20s;
}

TEST(ChildProcess, GivesInputAndReturnsOutputAndStatus) {
  const auto outcome = run_program({"sh", "-c", "cat; echo said >&2; exit 7"}, "asked\n", soon());
  ASSERT_TRUE(outcome) << outcome.error().detail;
  EXPECT_EQ(outcome->status, 7);
  EXPECT_EQ(outcome->output, "asked\nsaid\n");
}

TEST(ChildProcess, PassesArgumentsAsTheyAre) {
  const auto outcome = run_program({"printf", "%s|", "a b", "", "$HOME"}, {}, soon());
  ASSERT_TRUE(outcome) << outcome.error().detail;
  EXPECT_EQ(outcome->output, "a b||$HOME|");
}

TEST(ChildProcess, SaysThatThereIsNoSuchProgram) {
  const auto outcome = run_program({"/nowhere/such-a-program"}, {}, soon());
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Errc::NotFound);
}

TEST(ChildProcess, EndsAProgramThatHangs) {
  const auto outcome = run_program({"sleep", "1000"}, {}, boot_now() + 10ms);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Errc::Timeout);
}

TEST(ChildProcess, DoesNotWaitForWhatItsProgramLeavesRunning) {
  // The one in the background has the pipe, and ends by itself.
  const auto outcome = run_program({"sh", "-c", "sleep 3 & echo started"}, {}, soon());
  ASSERT_TRUE(outcome) << outcome.error().detail;
  EXPECT_EQ(outcome->output, "started\n");
}

TEST(ChildProcess, KeepsNoMoreOutputThanItsBound) {
  const auto outcome = run_program({"head", "-c", "1000000", "/dev/zero"}, {}, soon());
  ASSERT_TRUE(outcome) << outcome.error().detail;
  EXPECT_EQ(outcome->status, 0);
  EXPECT_EQ(outcome->output.size(), kMaxChildOutput);
}

TEST(ChildProcess, TellsWhichSignalEndedIt) {
  const auto outcome = run_program({"sh", "-c", "kill -TERM $$"}, {}, soon());
  ASSERT_TRUE(outcome) << outcome.error().detail;
  EXPECT_EQ(outcome->status, 128 + 15);
}

}  // namespace
}  // namespace warren::io
