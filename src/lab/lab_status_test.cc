#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include "lab/control_client.h"
#include "lab/lab.h"

namespace warren::lab {

namespace {

LabStatus one_of_each() {
  LabStatus out{.name = "l", .state = LabState::Up, .control = "/c"};
  out.hosts = {{.name = "home",
                .place = "home",
                .network = "l-home",
                .addresses = {"10.0.0.1/24", "2001:db8::1/64"},
                .is_udp_blocked = true,
                .processes = {{.id = 7, .command = "bash"}}},
               {.name = "server", .place = "internet", .network = "l-server", .addresses = {}}};
  out.routers = {{.name = "carrier",
                  .behind = "internet",
                  .outside = {"192.0.2.1"},
                  .sessions = 3,
                  .drops = {{"nat_no_mapping", 2}}}};
  return out;
}

}  // namespace

TEST(LabStatus, ShowsTables) {
  EXPECT_EQ(to_text(one_of_each()),
            "HOST    PLACE     ADDRESSES                    UDP      RUNNING\n"
            "home    home      10.0.0.1/24, 2001:db8::1/64  blocked  bash (7)\n"
            "server  internet  -                            -        -\n"
            "\n"
            "ROUTER   BEHIND    OUTSIDE    SESSIONS  DROPPED\n"
            "carrier  internet  192.0.2.1  3         nat_no_mapping 2\n");
}

TEST(LabStatus, SaysWhatToDoWhenThereIsNone) {
  EXPECT_EQ(to_text({.name = "l"}), "No lab is up. Make one: warren lab up\n");
  EXPECT_EQ(boost::json::serialize(to_json(LabStatus{.name = "l"})),
            R"({"name":"l","state":"down"})");
}

TEST(LabStatus, IsJson) {
  EXPECT_EQ(
      boost::json::serialize(to_json(one_of_each())),
      R"({"name":"l","state":"up","control":"/c","hosts":[)"
      R"({"name":"home","place":"home","namespace":"l-home",)"
      R"("addresses":["10.0.0.1/24","2001:db8::1/64"],"udp_blocked":true,)"
      R"("processes":[{"pid":7,"command":"bash"}]},)"
      R"({"name":"server","place":"internet","namespace":"l-server","addresses":[],)"
      R"("udp_blocked":false,"processes":[]}],)"
      R"("routers":[{"name":"carrier","behind":"internet","outside":["192.0.2.1"],"sessions":3,)"
      R"("drops":{"nat_no_mapping":2}}]})");
}

TEST(LabControlClient, ReadsWhatTheRouterReplies) {
  const auto reports = parse_reply(
      R"({"nodes":{"r":{"behind":"s","block":"udp","external":["192.0.2.1"],"sent":1,"received":2,)"
      R"("sessions":3,"drops":{"no_route":4}},"h":{"sent":0,"received":0,"drops":{}}},"ok":true})");
  ASSERT_TRUE(reports) << reports.error().detail;
  EXPECT_EQ(reports->at("r").drops.at("no_route"), 4U);
  EXPECT_EQ(reports->at("r").external.size(), 1U);
  EXPECT_EQ(reports->at("h").block, "nothing");
  EXPECT_EQ(parse_reply(R"({"ok":false,"error":"no"})").error().detail, "no");
  EXPECT_FALSE(parse_reply("nonsense"));
}

}  // namespace warren::lab
