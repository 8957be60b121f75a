#include "base/json_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warren::json {

namespace {

using testing::ElementsAre;

enum class Colour : std::uint8_t { Red, Green };

std::span<const EnumText<Colour>> texts_of(Colour) {
  static constexpr EnumText<Colour> kTexts[] = {{"red", Colour::Red}, {"green", Colour::Green}};
  return kTexts;
}

struct Lamp {
  Colour colour = Colour::Red;
  Duration delay = 5s;
  std::uint16_t port = 7;
  std::optional<double> share;
};

template <class Visitor>
void fields(Visitor& visit, Lamp& x) {
  visit.required("colour", x.colour);
  visit("delay", x.delay);
  visit("port", x.port);
  visit("share", x.share);
}

struct House {
  std::string name;
  bool lit = false;
  std::map<std::string, Lamp> lamps;
  std::vector<IpAddress> addresses;
  IpPrefix prefix;
};

template <class Visitor>
void fields(Visitor& visit, House& x) {
  visit("name", x.name);
  visit("lit", x.lit);
  visit("lamps", x.lamps);
  visit("addresses", x.addresses);
  visit("prefix", x.prefix);
}

std::string error_of(std::string_view text) {
  const auto house = read_text<House>(text);
  return house ? "none" : house.error().detail;
}

TEST(JsonMap, ReadsADocumentWithCommentsAndTrailingCommas) {
  const auto house = read_text<House>(R"({
    "name": "h", "lit": true,  // a comment
    "lamps": {"hall": {"colour": "green", "delay": "1.5s", "port": 65535, "share": 3},},
    "addresses": ["192.0.2.1", "::"], "prefix": "10.0.0.0/8",
  })");
  ASSERT_TRUE(house) << house.error().detail;
  EXPECT_EQ(house->name, "h");
  EXPECT_TRUE(house->lit);
  const Lamp& lamp = house->lamps.at("hall");
  EXPECT_EQ(lamp.colour, Colour::Green);
  EXPECT_EQ(lamp.delay, 1500ms);
  EXPECT_EQ(lamp.port, 65535);
  EXPECT_EQ(lamp.share, 3.0);
  EXPECT_THAT(house->addresses,
              ElementsAre(IpAddress::v4({192, 0, 2, 1}), IpAddress::unspecified(true)));
  EXPECT_EQ(house->prefix, IpPrefix(IpAddress::v4({10, 0, 0, 0}), 8));
}

TEST(JsonMap, KeepsDefaultsOfAbsentKeys) {
  const auto house = read_text<House>(R"({"lamps": {"hall": {"colour": "red"}}})");
  ASSERT_TRUE(house) << house.error().detail;
  EXPECT_EQ(house->lamps.at("hall").delay, 5s);
  EXPECT_EQ(house->lamps.at("hall").port, 7);
  EXPECT_FALSE(house->lamps.at("hall").share);
}

TEST(JsonMap, SaysWhereAnErrorIs) {
  EXPECT_EQ(error_of(R"({"lamps": {"hall": {"colour": "blue"}}})"),
            R"(lamps.hall.colour: expected one of "red", "green")");
  EXPECT_EQ(error_of(R"({"lamps": {"hall": {}}})"), "lamps.hall.colour: is missing");
  EXPECT_EQ(error_of(R"({"lamps": {"hall": {"colour": "red", "port": 65536}}})"),
            "lamps.hall.port: expected a whole number from 0 to 65535");
  EXPECT_EQ(error_of(R"({"lamps": {"hall": {"colour": "red", "port": -1}}})"),
            "lamps.hall.port: expected a whole number from 0 to 65535");
  EXPECT_EQ(error_of(R"({"lamps": {"hall": {"colour": "red", "delay": 5}}})"),
            R"(lamps.hall.delay: expected a duration such as "15s" or "20ms")");
  EXPECT_EQ(error_of(R"({"addresses": ["192.0.2.1", "x"]})"),
            R"(addresses[1]: expected an IP address such as "192.0.2.1")");
  EXPECT_EQ(error_of(R"({"doors": 1})"), "doors: unknown key");
  EXPECT_EQ(error_of("[]"), "expected an object");
  EXPECT_THAT(error_of("{\n  \"name\": oops\n}"), testing::StartsWith("line 2, column "));
  EXPECT_THAT(error_of("{"), testing::StartsWith("line 1, column 2: no JSON: "));
  EXPECT_THAT(error_of("{} {}"), testing::StartsWith("line 1, column "));
}

TEST(JsonMap, ReadsDurations) {
  EXPECT_EQ(parse_duration("10ms"), 10ms);
  EXPECT_EQ(parse_duration("0.5us"), 500ns);
  EXPECT_EQ(parse_duration("2h"), 2h);
  EXPECT_EQ(parse_duration("30d"), 720h);
  EXPECT_EQ(parse_duration("0s"), 0s);
  for (const std::string_view bad :
       {"", "s", "5", "-1s", "1 s", "1.2.3s", "1w", "1e3s", "9999999h", ".s"}) {
    EXPECT_FALSE(parse_duration(bad)) << bad;
  }
}

}  // namespace

}  // namespace warren::json
