#include "cli/admin.h"

#include "cli/testing.h"

namespace warren::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class AdminTest : public CommandTest {};

TEST_F(AdminTest, KeyCreatePrintsTheJoinCommand) {
  program.answer("POST /api/warren/v1/keys",
                 R"({"id":"k7","key":"secret","expires":"2027-01-15T09:00:00Z"})");
  program.answer("GET /api/warren/v1/status",
                 R"({"url":"https://w.example","server_key":"mkey:ab","users":1})");
  EXPECT_EQ(run({"admin", "key", "create", "--user", "alice"}), 0);
  EXPECT_THAT(program.calls,
              ElementsAre(R"(POST /api/warren/v1/keys {"user":"alice","description":"",)"
                          R"("reusable":false,"ephemeral":false,"lifetime":"1h"})",
                          "GET /api/warren/v1/status"));
  EXPECT_EQ(program.sockets.back(), "/run/warren/admin.sock");
  EXPECT_EQ(out.str(),
            "sudo warren up --login-server https://w.example --server-key mkey:ab --auth-key "
            "secret\n");
  EXPECT_EQ(err.str(),
            "Key k7 of alice: for one machine, expires in 1h. It is shown only now.\n"
            "On the machine that joins:\n\n");
  EXPECT_EQ(run({"admin", "key", "create", "--user", "alice", "--expiration", "never", "--json"}),
            0);
  EXPECT_THAT(program.calls, ElementsAre(HasSubstr(R"("lifetime":null)")));
  EXPECT_THAT(out.str(), HasSubstr("  \"key\": \"secret\",\n"));
  EXPECT_EQ(run({"admin", "key", "create", "--user", "alice", "--expiration", "soon"}), kBadUsage);
  EXPECT_EQ(run({"admin", "key", "create"}), kBadUsage);
}

TEST_F(AdminTest, KeyListLeavesUselessOnesOut) {
  program.answer("GET /api/warren/v1/keys",
                 R"({"keys":[{"id":"k1","user":"alice","description":"rack","reusable":true,
    "ephemeral":true,"expires":null,"revoked":null,"uses":3},
    {"id":"k2","user":"bob","reusable":false,"expires":"2027-01-15T09:00:00Z","uses":1}]})");
  EXPECT_EQ(run({"admin", "key", "list"}), 0);
  EXPECT_EQ(out.str(),
            "ID  USER   KIND                 USES  STATE          DESCRIPTION\n"
            "k1  alice  reusable, ephemeral  3     never expires  rack\n"
            "1 that cannot be used any more: --all shows them\n");
  EXPECT_EQ(run({"admin", "key", "list", "--all"}), 0);
  EXPECT_THAT(out.str(), HasSubstr("k2  bob    single               1     used\n"));
}

TEST_F(AdminTest, NodesAreListedShownAndChanged) {
  const std::string node =
      R"({"id":8,"name":"laptop","hostname":"LAPTOP","user":"alice","ipv4":"100.64.0.8",
    "ipv6":"fd7a::8","node_key":"nodekey:ab","ephemeral":false,"created":"2027-01-13T08:00:00Z",
    "key_expiry":null,"expired":false,"online":false,"last_seen":"2027-01-15T07:57:00Z",
    "os":"linux","version":113})";
  program.answer("GET /api/warren/v1/nodes", R"({"nodes":[)" + node + "]}");
  program.answer("GET /api/warren/v1/nodes/laptop", node);
  program.answer("POST /api/warren/v1/nodes/laptop/rename", node);
  program.answer("POST /api/warren/v1/nodes/laptop/expire", node);
  program.answer("DELETE /api/warren/v1/nodes/laptop", "{}");
  EXPECT_EQ(run({"admin", "node", "list"}), 0);
  EXPECT_EQ(out.str(),
            "ID  NAME    USER   ADDRESS     OS     STATE\n"
            "8   laptop  alice  100.64.0.8  linux  offline, last seen 3m ago\n");
  EXPECT_EQ(run({"admin", "node", "show", "laptop"}), 0);
  EXPECT_EQ(out.str(),
            "Name       laptop\n"
            "ID         8\n"
            "Host name  LAPTOP\n"
            "User       alice\n"
            "State      offline, last seen 3m ago\n"
            "IPv4       100.64.0.8\n"
            "IPv6       fd7a::8\n"
            "System     linux\n"
            "Protocol   113\n"
            "Node key   nodekey:ab\n"
            "Key        never expires\n"
            "Joined     2d ago\n");
  EXPECT_EQ(run({"admin", "node", "rename", "laptop", "lap"}), 0);
  EXPECT_THAT(program.calls,
              ElementsAre(R"(POST /api/warren/v1/nodes/laptop/rename {"name":"lap"})"));
  EXPECT_EQ(run({"admin", "node", "expire", "laptop"}), 0);
  EXPECT_EQ(run({"admin", "node", "rm", "laptop"}), 0);
}

TEST_F(AdminTest, UsersAndLogins) {
  program.answer("POST /api/warren/v1/users", R"({"id":1,"login":"alice@example.org"})");
  EXPECT_EQ(run({"admin", "user", "add", "alice@example.org", "--name", "Alice"}), 0);
  EXPECT_THAT(
      program.calls,
      ElementsAre(
          R"(POST /api/warren/v1/users {"login":"alice@example.org","display_name":"Alice"})"));
  program.answer(
      "GET /api/warren/v1/users",
      R"({"users":[{"id":1,"login":"alice","display_name":"","created":null,"nodes":2}]})");
  EXPECT_EQ(run({"admin", "user", "list"}), 0);
  EXPECT_EQ(out.str(), "LOGIN  NAME  NODES  CREATED\nalice  -     2      -\n");
  program.answer("DELETE /api/warren/v1/users/alice@example.org",
                 R"({"status":409,"detail":"it has 2 nodes"})", 409);
  EXPECT_EQ(run({"admin", "user", "rm", "alice@example.org"}), kFailed);
  EXPECT_EQ(err.str(), "warren admin user rm: it has 2 nodes\n");
  program.answer("GET /api/warren/v1/logins",
                 R"({"logins":[{"id":"f00d","hostname":"attic\u001b[2J","address":"192.0.2.1",
    "asked":"2027-01-15T07:59:30Z","waiting":true}]})");
  EXPECT_EQ(run({"admin", "login", "list"}), 0);
  EXPECT_EQ(out.str(),
            "ID    HOST NAME  TAGS  FROM       ASKED    STILL THERE\n"
            "f00d  attic?[2J  -     192.0.2.1  30s ago  yes\n");
  program.answer("POST /api/warren/v1/logins/f00d/approve",
                 R"({"id":9,"name":"attic","ipv4":"100.64.0.9"})");
  EXPECT_EQ(run({"admin", "login", "approve", "f00d", "--user", "alice"}), 0);
  EXPECT_EQ(out.str(), "attic is in the network, as a machine of alice: 100.64.0.9\n");
}

TEST_F(AdminTest, StatusShowsHowToJoin) {
  program.answer("GET /api/warren/v1/status",
                 R"({"url":"https://w.example","domain":"home","users":1,"nodes":3,"online":2,
    "streams":2,"waiting_logins":1})");
  EXPECT_EQ(run({"admin", "status"}), 0);
  EXPECT_EQ(out.str(),
            "Address  https://w.example\n"
            "Domain   home\n"
            "Users    1\n"
            "Nodes    3, 2 online\n"
            "Logins   1 waiting: `warren admin login list` shows them\n"
            "\nA machine joins with:\n\n\tsudo warren up --login-server https://w.example\n");
}

TEST_F(AdminTest, ShowsTheHub) {
  const std::string hub =
      R"({"state":"up","problem":"","device":"warren0","port":41641,"public_key":"KEY=",
          "forwarded_packets":7,"forwarded_bytes":700,"peers":[
          {"name":"phone","is_device":true,"addresses":["100.64.0.9"],"online":true,
           "endpoint":"192.0.2.9:5","last_handshake":null},
          {"name":"laptop","is_device":false,"addresses":["100.64.0.3"],"online":true}]})";
  program.answer("GET /api/warren/v1/hub", hub);
  EXPECT_EQ(run({"admin", "hub"}), 0);
  EXPECT_EQ(out.str(),
            "State    up: device warren0, UDP port 41641, 1 device, 1 online\n"
            "Key      KEY=\n"
            "Carried  7 packets, 700 bytes\n\n"
            "DEVICE  ADDRESS     HEARD AT     LAST HANDSHAKE  STATE\n"
            "phone   100.64.0.9  192.0.2.9:5  never           online\n");
  program.answer("GET /api/warren/v1/status",
                 R"({"nodes":1,"hub":{"state":"failed","problem":"no /dev/net/tun"}})");
  EXPECT_EQ(run({"admin", "status"}), 0);
  EXPECT_THAT(out.str(), HasSubstr("failed: no /dev/net/tun\n"));
}

TEST_F(AdminTest, NoAnswerHasItsOwnExitCode) {
  program.unreachable = Error{.code = Errc::Unavailable, .detail = "connection refused"};
  EXPECT_EQ(run({"admin", "status"}), kUnreachable);
  EXPECT_THAT(err.str(), HasSubstr("sudo systemctl start warren-server"));
  program.unreachable = Error{.code = Errc::PermissionDenied, .detail = "permission denied"};
  EXPECT_EQ(run({"admin", "status"}), kFailed);
  EXPECT_THAT(err.str(), HasSubstr("try with sudo"));
  EXPECT_EQ(run({"admin", "node"}), kBadUsage);
  EXPECT_EQ(run({"admin", "mars"}), kBadUsage);
  EXPECT_EQ(err.str(), "warren: there is no command mars: `warren --help` shows them\n");
}

}  // namespace
}  // namespace warren::cli
