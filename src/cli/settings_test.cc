#include "cli/settings.h"

#include "cli/testing.h"

namespace warren::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kPrefs =
    R"({"ControlURL":"https://w.example","Hostname":"my attic","ShieldsUp":true,"CorpDNS":false})";

class SettingsTest : public CommandTest {
 protected:
  SettingsTest() {
    program.answer("GET /localapi/v0/prefs", kPrefs);
    program.answer("PATCH /localapi/v0/prefs", kPrefs);
  }
};

TEST_F(SettingsTest, SetChangesOnlyWhatIsGiven) {
  EXPECT_EQ(run({"set", "--operator=alice", "--shields-up=false"}), 0);
  EXPECT_THAT(
      program.calls,
      ElementsAre(R"(PATCH /localapi/v0/prefs {"OperatorUser":"alice","OperatorUserSet":true,)"
                  R"("ShieldsUp":false,"ShieldsUpSet":true})"));
  EXPECT_THAT(out.str(), IsEmpty());
  EXPECT_EQ(run({"set"}), kBadUsage);
  EXPECT_EQ(run({"set", "--login-server=https://x.example"}), kBadUsage);
}

TEST_F(SettingsTest, GetShowsThem) {
  EXPECT_EQ(run({"get"}), 0);
  EXPECT_EQ(out.str(),
            "login-server   https://w.example\n"
            "hostname       my attic\n"
            "operator\n"
            "shields-up     true\n"
            "accept-routes  false\n"
            "accept-dns     false\n");
  EXPECT_EQ(run({"get", "hostname"}), 0);
  EXPECT_EQ(out.str(), "my attic\n");
  EXPECT_EQ(run({"get", "--set-flags"}), 0);
  EXPECT_EQ(out.str(),
            "--hostname='my attic' --operator= --shields-up --accept-routes=false "
            "--accept-dns=false\n");
  EXPECT_EQ(run({"get", "--json", "shields-up"}), 0);
  EXPECT_EQ(out.str(), "{\n  \"shields-up\": true\n}\n");
  EXPECT_EQ(run({"get", "colour"}), kBadUsage);
}

TEST_F(SettingsTest, DownStopsAndSaysWhenItWas) {
  program.answer("GET /localapi/v0/status?peers=false", R"({"BackendState":"Stopped"})");
  EXPECT_EQ(run({"down"}), 0);
  EXPECT_EQ(err.str(), "Warren was stopped already.\n");
  EXPECT_EQ(program.calls.back(),
            R"(PATCH /localapi/v0/prefs {"WantRunning":false,"WantRunningSet":true})");
}

TEST_F(SettingsTest, UsesTheSocketThatIsGiven) {
  EXPECT_EQ(run({"--socket", "/tmp/x.sock", "get"}), 0);
  EXPECT_EQ(program.sockets.back(), "/tmp/x.sock");
}

}  // namespace
}  // namespace warren::cli
