#include "cli/lab.h"

#include <sstream>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/root.h"
#include "lab/lab.h"

namespace warren::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Keeps what it was asked to do.
class FakeLab final : public lab::Lab {
 public:
  std::vector<std::string> done;
  std::vector<std::string> command;
  Result<void> outcome;
  lab::LabState state = lab::LabState::Up;
  io::ChildOutcome outcome_of_run;
  Error exec_error{.code = Errc::NotFound, .detail = "run x: no such file"};

  Result<void> up(const std::string& lab) override { return note("up " + lab); }

  Result<bool> down(const std::string& lab) override {
    WARREN_TRY_VOID(note("down " + lab));
    return state == lab::LabState::Up;
  }

  Result<lab::LabStatus> status(const std::string& lab) override {
    return lab::LabStatus{.name = lab, .state = state, .control = {}};
  }

  Error run_in(const std::string&,
               const lab::Machine& host,
               const std::vector<std::string>& words) override {
    done.push_back("exec " + std::string(host.name));
    command = words;
    return exec_error;
  }

  Result<io::ChildOutcome> run(const std::string&,
                               const lab::Machine& host,
                               const std::vector<std::string>& words) override {
    WARREN_TRY_VOID(note("run " + words.at(1) + " on " + std::string(host.name)));
    return outcome_of_run;
  }

  Result<void> start(const std::string&,
                     const lab::Machine& host,
                     const std::vector<std::string>& words,
                     const std::string&) override {
    return note("start " + words.at(1) + " on " + std::string(host.name));
  }

  Result<void> set_resolv_conf(const std::string&,
                               const lab::Machine& host,
                               const std::string& text) override {
    return note("names on " + std::string(host.name) + ": " + text);
  }

  Result<std::string> make_directory(const std::string&) override {
    WARREN_TRY_VOID(note("directory"));
    return ::testing::TempDir();
  }

  Result<void> set_block(const std::string&, const lab::Machine& host, lab::Block block) override {
    return note((block == lab::Block::Udp ? "block " : "unblock ") + std::string(host.name));
  }

  Result<void> move(const std::string&,
                    const lab::Machine& host,
                    const lab::Place& place) override {
    return note("move " + std::string(host.name) + " " + std::string(place.name));
  }

  Result<void> reboot_router(const std::string&, const std::string& router) override {
    return note("reboot " + router);
  }

  Result<void> serve(const std::string& lab) override { return note("serve " + lab); }

 private:
  Result<void> note(const std::string& what) {
    done.push_back(what);
    return outcome;
  }
};

class LabCommandTest : public ::testing::Test {
 protected:
  int run(std::vector<const char*> args) {
    args.insert(args.begin(), {"warren", "lab"});
    out.str("");
    err.str("");
    context.exit_code = 0;
    return cli::run(static_cast<int>(args.size()), args.data(), context);
  }

  FakeLab lab;
  std::ostringstream out;
  std::ostringstream err;
  Context context{.out = out, .err = err, .run_wg = {}, .in_background = {}, .lab = &lab};
};

TEST_F(LabCommandTest, UpDrawsAndSaysWhatToTry) {
  EXPECT_EQ(run({"up"}), 0);
  EXPECT_THAT(lab.done, ElementsAre("up warren-lab"));
  EXPECT_THAT(out.str(), AllOf(HasSubstr("carrier"), HasSubstr("  warren lab exec laptop ping")));
  EXPECT_EQ(run({"--name", "x", "up"}), 0);
  EXPECT_THAT(out.str(), HasSubstr("  warren lab --name x exec laptop ping"));
  EXPECT_EQ(run({"up", "--json"}), 0);
  EXPECT_THAT(out.str(), HasSubstr(R"({"name":"warren-lab","state":"up")"));
}

TEST_F(LabCommandTest, SaysWhyItFails) {
  lab.outcome = fail(Errc::PermissionDenied, "a lab needs root");
  for (const char* const command : {"up", "down"}) {
    EXPECT_EQ(run({command}), kFailed);
    EXPECT_EQ(err.str(), "warren lab: a lab needs root\n");
    EXPECT_THAT(out.str(), IsEmpty());
  }
}

TEST_F(LabCommandTest, DownIsContentWithoutALab) {
  EXPECT_EQ(run({"down"}), 0);
  EXPECT_EQ(out.str(), "The lab is removed.\n");
  lab.state = lab::LabState::Down;
  EXPECT_EQ(run({"down"}), 0);
  EXPECT_EQ(out.str(), "There was no lab.\n");
}

TEST_F(LabCommandTest, StatusTellsByItsExitCode) {
  EXPECT_EQ(run({"status"}), 0);
  lab.state = lab::LabState::Down;
  EXPECT_EQ(run({"status", "--json"}), kFailed);
  EXPECT_EQ(out.str(), "{\"name\":\"warren-lab\",\"state\":\"down\"}\n");
}

TEST_F(LabCommandTest, ExecHandsOnTheCommandWithItsOptions) {
  EXPECT_EQ(run({"exec", "laptop", "ping", "-c", "3", "--help", "--name", "x", "server"}), 127);
  EXPECT_THAT(lab.done, ElementsAre("exec laptop"));
  EXPECT_THAT(lab.command, ElementsAre("ping", "-c", "3", "--help", "--name", "x", "server"));
  EXPECT_EQ(err.str(), "warren lab: run x: no such file\n");
  lab.exec_error.code = Errc::Unavailable;
  EXPECT_EQ(run({"exec", "home", "sh", "-c", "exit 3", "--", "a"}), kFailed);
  EXPECT_THAT(lab.command, ElementsAre("sh", "-c", "exit 3", "--", "a"));
}

TEST_F(LabCommandTest, ExecNeedsAHostAndACommand) {
  EXPECT_EQ(run({"exec", "phone", "ls"}), kBadUsage);
  EXPECT_THAT(err.str(), HasSubstr("there is no host \"phone\": choose server, home, "));
  EXPECT_EQ(run({"exec", "home"}), kBadUsage);
  EXPECT_EQ(run({"exec"}), kBadUsage);
  EXPECT_THAT(lab.done, IsEmpty());
}

TEST_F(LabCommandTest, ShellIsTheUsersOwn) {
  setenv("SHELL", "/bin/zsh", 1);
  run({"shell", "home"});
  EXPECT_THAT(lab.command, ElementsAre("/bin/zsh"));
  unsetenv("SHELL");
  run({"shell", "home"});
  EXPECT_THAT(lab.command, ElementsAre("/bin/sh"));
}

TEST_F(LabCommandTest, ChangesTheNetwork) {
  EXPECT_EQ(run({"block-udp", "laptop"}), 0);
  EXPECT_EQ(run({"unblock-udp", "laptop"}), 0);
  EXPECT_EQ(run({"move", "laptop", "office"}), 0);
  EXPECT_EQ(run({"reboot-router", "carrier"}), 0);
  EXPECT_EQ(run({"router"}), 0);
  EXPECT_THAT(lab.done, ElementsAre("block laptop", "unblock laptop", "move laptop office",
                                    "reboot carrier", "serve warren-lab"));
  EXPECT_EQ(run({"move", "laptop", "train"}), kBadUsage);
  EXPECT_EQ(run({"reboot-router", "home"}), kBadUsage);
}

TEST_F(LabCommandTest, HubMakesTheLabAndSaysWhatIsMissing) {
  lab.state = lab::LabState::Down;
  lab.outcome_of_run = {.status = 127, .output = "no such file\n"};
  EXPECT_EQ(run({"hub"}), 1);
  EXPECT_THAT(lab.done, ElementsAre("up warren-lab", "directory", "run --version on server"));
  EXPECT_THAT(err.str(), AllOf(HasSubstr("no such file: is the package warren-server installed?"),
                               HasSubstr("`warren lab down` removes it all")));
}

TEST_F(LabCommandTest, HubIsThereOnlyOnce) {
  lab.outcome = fail(Errc::AlreadyExists, "make it: file exists");
  EXPECT_EQ(run({"hub"}), 1);
  EXPECT_THAT(lab.done, ElementsAre("directory"));
  EXPECT_THAT(err.str(), HasSubstr("it was begun already"));
}

TEST_F(LabCommandTest, RefusesANameThatIsNoFileName) {
  EXPECT_EQ(run({"--name", "../x", "down"}), kBadUsage);
  EXPECT_THAT(err.str(), HasSubstr("--name ../x: a lab's name has "));
  EXPECT_THAT(lab.done, IsEmpty());
}

}  // namespace
}  // namespace warren::cli
