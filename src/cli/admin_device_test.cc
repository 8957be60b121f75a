#include <filesystem>

#include <boost/json/parse.hpp>

#include "base/hex.h"
#include "cli/admin.h"
#include "cli/testing.h"
#include "crypto/keys.h"

namespace warren::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kDevice =
    R"({"id":9,"name":"phone","user":"alice","tags":[],"ipv4":"100.64.0.9","ipv6":"fd7a::9",)"
    R"("public_key":"cHVi","created":"2027-01-13T08:00:00Z","expires":null,"expired":false,)"
    R"("disabled":false,"profile":{"hub_key":"aHVi","endpoint":"w.example:41641",)"
    R"("addresses":["100.64.0.9/32","fd7a::9/128"],"dns":"100.64.0.1","search":"home",)"
    R"("allowed_ips":["100.64.0.0/10","fd7a::/48"],"keepalive":25,"mtu":1280},"warning":""})";

class AdminDeviceTest : public CommandTest {
 protected:
  // The pair that this run of the command makes.
  static NodePrivateKey first_key() {
    SeededRandom random(1);
    return NodePrivateKey::generate(random);
  }

  static std::string profile(const std::string& key_line) {
    return "[Interface]\n" + key_line +
           "\nAddress = 100.64.0.9/32, fd7a::9/128\nDNS = 100.64.0.1, home\nMTU = 1280\n\n"
           "[Peer]\nPublicKey = aHVi\nEndpoint = w.example:41641\n"
           "AllowedIPs = 100.64.0.0/10, fd7a::/48\nPersistentKeepalive = 25\n";
  }
};

TEST_F(AdminDeviceTest, AddPrintsAProfileWithAKeyThatOnlyThisProcessKnows) {
  program.answer("POST /api/warren/v1/devices", kDevice);
  const auto key = first_key();
  EXPECT_EQ(run({"admin", "device", "add", "phone", "--user", "alice", "--expiry", "30d"}), 0);
  EXPECT_THAT(program.calls,
              ElementsAre(R"(POST /api/warren/v1/devices {"name":"phone","user":"alice",)"
                          R"("tags":[],"public_key":")" +
                          to_base64(key.public_key().bytes()) + R"(","lifetime":"30d"})"));
  EXPECT_EQ(out.str(), profile("PrivateKey = " + to_base64(key.bytes())));
  EXPECT_THAT(err.str(), HasSubstr("has the address 100.64.0.9"));
}

TEST_F(AdminDeviceTest, AddDrawsAQrCodeOnATerminal) {
  program.answer("POST /api/warren/v1/devices", kDevice);
  context.is_terminal = true;
  EXPECT_EQ(run({"admin", "device", "add", "phone"}), 0);
  EXPECT_THAT(out.str(), HasSubstr("PersistentKeepalive = 25\n\n\x1b[30;107m"));
}

TEST_F(AdminDeviceTest, AddTakesThePublicKeyThatTheDeviceHas) {
  program.answer("POST /api/warren/v1/devices", kDevice);
  context.is_terminal = true;
  EXPECT_EQ(run({"admin", "device", "add", "phone", "--tag", "tag:a", "--tag", "tag:b",
                 "--public-key", "cHVi"}),
            0);
  EXPECT_THAT(
      program.calls,
      ElementsAre(HasSubstr(R"("tags":["tag:a","tag:b"],"public_key":"cHVi","lifetime":null)")));
  EXPECT_EQ(out.str(), profile("# PrivateKey = the one that only the device has"));
  EXPECT_EQ(run({"admin", "device", "add", "phone", "--public-key", "cHVi", "--png", "x.png"}),
            kBadUsage);
  EXPECT_TRUE(program.calls.empty());
}

TEST_F(AdminDeviceTest, AddWritesJsonAndAPicture) {
  program.answer("POST /api/warren/v1/devices", kDevice);
  const std::string path =
      (std::filesystem::temp_directory_path() / fmt::format("warren-device-{}.png", getpid()))
          .string();
  EXPECT_EQ(run({"admin", "device", "add", "phone", "--json", "--png", path.c_str()}), 0);
  const auto json = boost::json::parse(out.str()).as_object();
  EXPECT_EQ(json.at("ipv4"), "100.64.0.9");
  EXPECT_EQ(json.at("private_key").as_string(), to_base64(first_key().bytes()));
  EXPECT_THAT(std::string(json.at("wg_quick").as_string()), HasSubstr("[Interface]\n"));
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(path).permissions(), perms::owner_read | perms::owner_write);
  EXPECT_GT(std::filesystem::file_size(path), 500U);
  std::filesystem::remove(path);
  EXPECT_EQ(run({"admin", "device", "add", "phone", "--png", "/nowhere/x.png"}), kFailed);
  EXPECT_THAT(err.str(), HasSubstr("the device is there, but"));
}

TEST_F(AdminDeviceTest, AddSaysWhyNot) {
  program.answer("POST /api/warren/v1/devices",
                 R"({"status":503,"detail":"devices go through the server's hub: no tun"})", 503);
  EXPECT_EQ(run({"admin", "device", "add", "phone"}), kFailed);
  EXPECT_EQ(out.str(), "");
  EXPECT_THAT(err.str(), HasSubstr("devices go through the server's hub: no tun"));
  EXPECT_EQ(run({"admin", "device", "add", "phone", "--expiry", "soon"}), kBadUsage);
  EXPECT_EQ(run({"admin", "device", "add"}), kBadUsage);
}

TEST_F(AdminDeviceTest, AddWarnsWhileTheHubIsAway) {
  std::string answer = kDevice;
  answer.replace(answer.find(R"("warning":"")"), 12,
                 R"("warning":"the hub is not running: no tun")");
  program.answer("POST /api/warren/v1/devices", answer);
  EXPECT_EQ(run({"admin", "device", "add", "phone"}), 0);
  EXPECT_THAT(err.str(), HasSubstr("warning: the hub is not running: no tun\n"));
}

TEST_F(AdminDeviceTest, DevicesAreListedShownAndChanged) {
  program.answer("GET /api/warren/v1/devices",
                 R"({"devices":[)" + kDevice +
                     R"(,{"id":10,"name":"tv","tags":["tag:a","tag:b"],"ipv4":"100.64.0.10",
    "expires":"2027-01-15T10:00:00Z"},{"id":11,"name":"pad","user":"bob","ipv4":"100.64.0.11",
    "disabled":true}]})");
  EXPECT_EQ(run({"admin", "device", "list"}), 0);
  EXPECT_EQ(out.str(),
            "ID  NAME   OWNER        ADDRESS      STATE\n"
            "9   phone  alice        100.64.0.9   enabled\n"
            "10  tv     tag:a,tag:b  100.64.0.10  expires in 2h\n"
            "11  pad    bob          100.64.0.11  disabled\n");
  program.answer("GET /api/warren/v1/devices/phone", kDevice);
  EXPECT_EQ(run({"admin", "device", "show", "phone"}), 0);
  EXPECT_EQ(out.str(),
            "Name        phone\n"
            "ID          9\n"
            "Owner       alice\n"
            "State       enabled\n"
            "IPv4        100.64.0.9\n"
            "IPv6        fd7a::9\n"
            "Public key  cHVi\n"
            "Endpoint    w.example:41641\n"
            "Made        2d ago\n");
  for (const std::string verb : {"rename", "disable", "enable", "expiry", "key"}) {
    program.answer("POST /api/warren/v1/devices/phone/" + verb, kDevice);
  }
  program.answer("DELETE /api/warren/v1/devices/phone", "{}");
  EXPECT_EQ(run({"admin", "device", "rename", "phone", "handset"}), 0);
  EXPECT_THAT(program.calls, ElementsAre(HasSubstr(R"(rename {"name":"handset"})")));
  EXPECT_EQ(run({"admin", "device", "disable", "phone"}), 0);
  EXPECT_EQ(out.str(), "phone is cut off. Again with: `warren admin device enable phone`\n");
  EXPECT_EQ(run({"admin", "device", "enable", "phone"}), 0);
  EXPECT_EQ(out.str(), "phone may connect.\n");
  EXPECT_EQ(run({"admin", "device", "expiry", "phone", "12h"}), 0);
  EXPECT_THAT(program.calls, ElementsAre(HasSubstr(R"({"lifetime":"12h"})")));
  EXPECT_EQ(run({"admin", "device", "expiry", "phone", "soon"}), kBadUsage);
  EXPECT_EQ(run({"admin", "device", "key", "phone"}), 0);
  EXPECT_THAT(out.str(), HasSubstr("PrivateKey = "));
  EXPECT_THAT(program.calls, ElementsAre(Not(HasSubstr("private"))));
  EXPECT_EQ(run({"admin", "device", "rm", "phone"}), 0);
}

TEST_F(AdminDeviceTest, TagsOfKeysNodesAndLogins) {
  program.answer("POST /api/warren/v1/keys", R"({"id":"k7","key":"secret"})");
  EXPECT_EQ(run({"admin", "key", "create", "--tag", "tag:web"}), 0);
  EXPECT_THAT(program.calls[0], HasSubstr(R"("user":"","tags":["tag:web"],)"));
  EXPECT_THAT(err.str(), HasSubstr("Key k7 of tag:web"));
  program.answer("POST /api/warren/v1/nodes/nas/tags",
                 R"({"name":"nas","tags":["tag:a","tag:b"]})");
  EXPECT_EQ(run({"admin", "node", "tag", "nas", "tag:a", "tag:b"}), 0);
  EXPECT_THAT(program.calls, ElementsAre(HasSubstr(R"({"user":"","tags":["tag:a","tag:b"]})")));
  EXPECT_EQ(out.str(), "nas is tag:a,tag:b now.\n");
  program.answer("POST /api/warren/v1/nodes/nas/tags", R"({"name":"nas","user":"alice"})");
  EXPECT_EQ(run({"admin", "node", "tag", "nas", "--user", "alice"}), 0);
  EXPECT_EQ(run({"admin", "node", "tag", "nas"}), kBadUsage);
  program.answer("POST /api/warren/v1/logins/f00d/approve",
                 R"({"id":9,"name":"attic","tags":["tag:web"],"ipv4":"100.64.0.9"})");
  EXPECT_EQ(run({"admin", "login", "approve", "f00d"}), 0);
  EXPECT_EQ(out.str(), "attic is in the network, as a machine of tag:web: 100.64.0.9\n");
}

}  // namespace
}  // namespace warren::cli
