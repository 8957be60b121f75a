#include "node/core/prefs.h"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace warren::node {

namespace {

Errc refusal(std::string_view json) {
  const auto changes = decode_masked_prefs(json);
  return changes ? Errc::Io : changes.error().code;
}

TEST(Prefs, AreWrittenWithAllNamesOfTheContract) {
  Prefs prefs = default_prefs();
  prefs.control_url = "https://net.example.org";
  prefs.want_running = true;
  const auto value = boost::json::parse(encode_prefs(prefs));
  const auto& object = value.as_object();
  EXPECT_EQ(object.size(), 34U);
  EXPECT_EQ(object.at("ControlURL").as_string(), "https://net.example.org");
  EXPECT_TRUE(object.at("WantRunning").as_bool());
  EXPECT_TRUE(object.at("CorpDNS").as_bool());
  EXPECT_EQ(object.at("NetfilterMode").as_int64(), 0);
  EXPECT_TRUE(object.at("AdvertiseRoutes").is_null());
  EXPECT_EQ(object.begin()->key(), "ControlURL");
}

TEST(Prefs, SurviveReadingAndWriting) {
  Prefs prefs;
  prefs.control_url = "http://192.0.2.1:8080";
  prefs.want_running = true;
  prefs.logged_out = true;
  prefs.hostname = "laptop";
  prefs.operator_user = "alice";
  prefs.shields_up = true;
  prefs.route_all = true;
  prefs.corp_dns = false;
  EXPECT_EQ(decode_prefs(encode_prefs(prefs)), prefs);
  EXPECT_EQ(decode_prefs("{}"), default_prefs());
  EXPECT_FALSE(decode_prefs("[]"));
}

TEST(MaskedPrefs, ChangeOnlyWhatIsMarked) {
  Prefs before;
  before.hostname = "old";
  before.shields_up = true;
  const auto changes = decode_masked_prefs(
      R"({"Hostname":"new","HostnameSet":true,"WantRunning":true,"WantRunningSet":false,
          "RouteAll":true,"ShieldsUpSet":true})");
  ASSERT_TRUE(changes) << changes.error().detail;
  const auto after = apply_prefs(before, *changes);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->hostname, "new");
  EXPECT_FALSE(after->want_running);
  EXPECT_FALSE(after->route_all);
  EXPECT_FALSE(after->shields_up) << "a mark without a value is false";
}

TEST(MaskedPrefs, SurviveReadingAndWriting) {
  MaskedPrefs changes;
  EXPECT_EQ(encode_masked_prefs(changes), "{}");
  changes.hostname = "";
  changes.want_running = false;
  EXPECT_EQ(encode_masked_prefs(changes),
            R"({"WantRunning":false,"WantRunningSet":true,"Hostname":"","HostnameSet":true})");
  EXPECT_EQ(decode_masked_prefs(encode_masked_prefs(changes)), changes);
}

TEST(MaskedPrefs, RefuseByNameWhatIsNotHereYet) {
  const auto changes = decode_masked_prefs(R"({"ExitNodeID":"n1","ExitNodeIDSet":true})");
  ASSERT_FALSE(changes);
  EXPECT_EQ(changes.error().code, Errc::Unsupported);
  EXPECT_EQ(changes.error().detail, "ExitNodeID cannot be set: Warren has no exit nodes yet");
  EXPECT_EQ(refusal(R"({"AdvertiseRoutes":["10.0.0.0/8"],"AdvertiseRoutesSet":true})"),
            Errc::Unsupported);
  EXPECT_EQ(refusal(R"({"NetfilterMode":2,"NetfilterModeSet":true})"), Errc::Unsupported);
  EXPECT_EQ(refusal(R"({"AutoUpdate":{"Apply":true},"AutoUpdateSet":{"ApplySet":true}})"),
            Errc::Unsupported);
  EXPECT_EQ(refusal(R"({"NoSuchThing":1,"NoSuchThingSet":true})"), Errc::InvalidArgument);
}

TEST(MaskedPrefs, MaySetToWhatIsInForce) {
  for (const std::string_view text :
       {R"({"ExitNodeIDSet":true})", R"({"AdvertiseRoutes":[],"AdvertiseRoutesSet":true})",
        R"({"NetfilterMode":0,"NetfilterModeSet":true})",
        R"({"NoStatefulFiltering":true,"NoStatefulFilteringSet":true})"}) {
    SCOPED_TRACE(text);
    EXPECT_EQ(decode_masked_prefs(text), MaskedPrefs{});
  }
}

TEST(MaskedPrefs, RefuseValuesThatMakeNoSense) {
  EXPECT_EQ(refusal(R"({"ControlURL":"ftp://x","ControlURLSet":true})"), Errc::InvalidArgument);
  EXPECT_EQ(refusal(R"({"ControlURL":"https://","ControlURLSet":true})"), Errc::InvalidArgument);
  EXPECT_EQ(refusal(R"({"Hostname":"a b","HostnameSet":true})"), Errc::InvalidArgument);
  EXPECT_EQ(refusal(R"({"OperatorUser":"a\nb","OperatorUserSet":true})"), Errc::InvalidArgument);
  EXPECT_EQ(refusal(R"({"Hostname":1,"HostnameSet":true})"), Errc::InvalidArgument);
  EXPECT_EQ(refusal("nonsense"), Errc::InvalidArgument);
  EXPECT_EQ(refusal("[]"), Errc::InvalidArgument);
}

}  // namespace

}  // namespace warren::node
