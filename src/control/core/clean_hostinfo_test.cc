#include "control/core/clean_hostinfo.h"

#include <gtest/gtest.h>

namespace warren::control {
namespace {

TEST(CleanHostinfo, KeepsWhatPeopleRead) {
  for (const std::string_view text : {"nas", "Ännchens NAS", "机器", "a b-c_d.e", "\xc2\xa0", ""}) {
    std::string cleaned(text);
    drop_controls(cleaned);
    EXPECT_EQ(cleaned, text);
  }
}

TEST(CleanHostinfo, DropsWhatSteersTerminals) {
  std::string text(
      "a\x1b[31mb\r\n\tc\x7f\xc2\x9b"
      "2Jd\0e",
      19);
  drop_controls(text);
  EXPECT_EQ(text, "a[31mbc2Jde");
}

TEST(CleanHostinfo, ReachesEveryText) {
  Hostinfo hostinfo;
  hostinfo.hostname = "n\nas";
  hostinfo.request_tags = {"tag:\x1b"};
  hostinfo.services = {{.proto = "t\acp", .port = 1, .description = "\x01x"}};
  hostinfo.net_info.emplace().derp_latency = {{"901\n-v4", 0.5}};
  hostinfo.location.emplace().city = "\tX";
  hostinfo.shields_up = true;
  clean(hostinfo);
  EXPECT_EQ(hostinfo.hostname, "nas");
  EXPECT_EQ(hostinfo.request_tags[0], "tag:");
  EXPECT_EQ(hostinfo.services[0].proto, "tcp");
  EXPECT_EQ(hostinfo.services[0].description, "x");
  EXPECT_EQ(hostinfo.services[0].port, 1);
  EXPECT_TRUE(hostinfo.net_info->derp_latency.contains("901-v4"));
  EXPECT_EQ(hostinfo.location->city, "X");
  EXPECT_TRUE(hostinfo.shields_up);
}

}  // namespace
}  // namespace warren::control
