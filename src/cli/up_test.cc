#include "cli/up.h"

#include <filesystem>
#include <fstream>

#include "cli/testing.h"

namespace warren::cli {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kFresh = R"({"ControlURL":"","WantRunning":false,"Hostname":""})";
constexpr const char* kJoined =
    R"({"ControlURL":"https://w.example","WantRunning":true,"Hostname":"attic","ShieldsUp":true})";
constexpr const char* kStatus =
    R"({"Version":"0.1.0","BackendState":"Running",
        "Self":{"ID":"n1","HostName":"attic","DNSName":"attic.home.","TailscaleIPs":["100.64.0.7"]}})";
constexpr const char* kWatch = "GET /localapi/v0/watch-ipn-bus?mask=130";

class UpTest : public CommandTest {
 protected:
  UpTest() {
    program.answer("POST /localapi/v0/start", "");
    program.answer("POST /localapi/v0/login-interactive", "");
    program.answer("GET /localapi/v0/status?peers=false", kStatus);
  }
};

TEST_F(UpTest, JoinsWithAKeyAndReturnsOnceItRuns) {
  program.answer("GET /localapi/v0/prefs", kFresh);
  program.streams = {{R"({"Version":"0.1.0","State":5})", R"({"State":6})"}};
  EXPECT_EQ(run({"up", "--login-server", "https://w.example", "--server-key", "mkey:ab",
                 "--auth-key", "k1", "--hostname", "attic"}),
            0);
  EXPECT_THAT(
      program.calls,
      ElementsAre(
          "GET /localapi/v0/prefs",
          R"(POST /localapi/v0/start {"UpdatePrefs":{"ControlURL":"https://w.example","ControlURLSet":true,)"
          R"("Hostname":"attic","HostnameSet":true,"WantRunning":true,"WantRunningSet":true},)"
          R"("AuthKey":"k1","ServerKey":"mkey:ab"})",
          kWatch, "GET /localapi/v0/status?peers=false"));
  EXPECT_EQ(out.str(), "This machine is attic, 100.64.0.7.\n");
  EXPECT_THAT(err.str(), IsEmpty());
}

TEST_F(UpTest, ShowsWhereToLogInAndWhatAnAdministratorCanDo) {
  program.answer("GET /localapi/v0/prefs", kJoined);
  program.streams = {{R"({"State":2})", R"({"BrowseToURL":"https://w.example/register/f00d"})",
                      R"({"LoginFinished":{}})", R"({"State":6})"}};
  EXPECT_EQ(run({"up"}), 0);
  EXPECT_THAT(program.calls, Contains("POST /localapi/v0/login-interactive"));
  EXPECT_EQ(err.str(),
            "\nTo authenticate, visit:\n\n\thttps://w.example/register/f00d\n\n"
            "or let an administrator run on the server:\n\n"
            "\tsudo warren admin login approve f00d --user USER\n\n"
            "Success.\n");

  program.streams = {
      {R"({"State":2})", R"({"BrowseToURL":"https://w.example/register/f00d"})", R"({"State":6})"}};
  EXPECT_EQ(run({"up", "--json"}), 0);
  EXPECT_EQ(out.str(),
            "{\n  \"AuthURL\": \"https://w.example/register/f00d\",\n"
            "  \"BackendState\": \"NeedsLogin\"\n}\n{\n  \"BackendState\": \"Running\"\n}\n");
  EXPECT_THAT(err.str(), IsEmpty());
}

TEST_F(UpTest, WantsAServerOnTheFirstTime) {
  program.answer("GET /localapi/v0/prefs", kFresh);
  EXPECT_EQ(run({"up"}), kBadUsage);
  EXPECT_THAT(err.str(), HasSubstr("warren up --login-server https://"));
  EXPECT_THAT(program.calls, ElementsAre("GET /localapi/v0/prefs"));
}

TEST_F(UpTest, WantsAllSettingsOrNone) {
  program.answer("GET /localapi/v0/prefs", kJoined);
  EXPECT_EQ(run({"up", "--hostname=cellar"}), kFailed);
  EXPECT_THAT(err.str(), HasSubstr("missing: --login-server --shields-up."));
  EXPECT_THAT(
      err.str(),
      HasSubstr("\twarren up --login-server=https://w.example --hostname=cellar --shields-up\n"));
  program.streams = {{R"({"State":6})"}};
  EXPECT_EQ(run({"up", "--login-server=https://w.example", "--hostname=cellar", "--reset"}), 0);
  EXPECT_THAT(program.calls, Contains(HasSubstr(R"("ShieldsUp":false,"ShieldsUpSet":true)")));
}

TEST_F(UpTest, LeavesAllAsItIsWithoutFlags) {
  program.answer("GET /localapi/v0/prefs", kJoined);
  program.streams = {{R"({"State":6})"}};
  EXPECT_EQ(run({"up"}), 0);
  EXPECT_THAT(
      program.calls,
      Contains(
          R"(POST /localapi/v0/start {"UpdatePrefs":{"WantRunning":true,"WantRunningSet":true}})"));
}

TEST_F(UpTest, FailsWithWhatIsInTheWay) {
  program.answer("GET /localapi/v0/prefs", kJoined);
  program.streams = {{R"({"State":5})", R"({"ErrMessage":"the auth key is used up"})"}};
  EXPECT_EQ(run({"up", "--auth-key=k1"}), kFailed);
  EXPECT_EQ(err.str(), "warren up: the auth key is used up\n");
}

TEST_F(UpTest, TellsWhatItWaitsForAfterASecondAndGivesUpInTime) {
  program.answer("GET /localapi/v0/prefs", kJoined);
  const std::string line = R"({"State":5,"Health":["w.example has no address: is DNS up?"]})";
  program.streams = {{line}, {line}, {line}};
  EXPECT_EQ(run({"up", "--timeout=3s"}), kFailed);
  EXPECT_EQ(err.str(),
            "warren up: waiting for the server: w.example has no address: is DNS up?\n"
            "warren up: gave up after 3s: waiting for the server: w.example has no address: is DNS "
            "up?\n");
  EXPECT_EQ(run({"up", "--timeout=soon"}), kBadUsage);
}

TEST_F(UpTest, ReadsTheKeyFromAFile) {
  program.answer("GET /localapi/v0/prefs", kJoined);
  program.streams = {{R"({"State":6})"}};
  const auto path = std::filesystem::path(::testing::TempDir()) / "warren_up_test_key";
  std::ofstream(path) << "  secret\n";
  EXPECT_EQ(run({"up", ("--auth-key=file:" + path.string()).c_str()}), 0);
  EXPECT_THAT(program.calls, Contains(HasSubstr(R"("AuthKey":"secret")")));
  std::filesystem::remove(path);
  EXPECT_EQ(run({"up", ("--auth-key=file:" + path.string()).c_str()}), kBadUsage);
}

TEST_F(UpTest, SaysHowToGetAnAnswer) {
  program.unreachable = Error{.code = Errc::NotFound, .detail = "no such socket"};
  EXPECT_EQ(run({"up"}), kFailed);
  EXPECT_EQ(err.str(),
            "warren up: warrend does not run (there is no /run/warren/warrend.sock): start it with "
            "`sudo systemctl start "
            "warrend`, or in a terminal with `sudo warrend`\n");
  program.unreachable.reset();
  program.answer("GET /localapi/v0/prefs", kJoined);
  FakeProgram other;
  other.connect(context);
  other.answer("GET /localapi/v0/prefs", kJoined);
  other.answer("POST /localapi/v0/start", R"({"error":"only root may"})", 403);
  EXPECT_EQ(run({"up"}), kFailed);
  EXPECT_EQ(err.str(),
            "warren up: access denied: only root may: try with sudo, or let yourself in for good "
            "with `sudo warren set --operator=alice`\n");
}

TEST_F(UpTest, WarnsOfAnotherVersion) {
  program.answer("GET /localapi/v0/prefs", kJoined);
  program.streams = {{R"({"Version":"0.0.9","State":6})"}};
  EXPECT_EQ(run({"up"}), 0);
  EXPECT_THAT(err.str(), StartsWith("warning: this is warren "));
  EXPECT_THAT(err.str(), HasSubstr("warrend is 0.0.9"));
}

TEST_F(UpTest, WaitAsksForNoLogin) {
  program.streams = {{R"({"State":2,"BrowseToURL":"https://w.example/register/f00d"})"},
                     {R"({"State":6})"}};
  EXPECT_EQ(run({"wait"}), 0);
  EXPECT_THAT(program.calls, Not(Contains("POST /localapi/v0/login-interactive")));
  EXPECT_EQ(err.str(), "warren wait: this machine is not logged in: run `warren up`\n");
}

}  // namespace
}  // namespace warren::cli
