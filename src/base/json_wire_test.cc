#include "base/json_wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warren::json::wire {

namespace {

using testing::ElementsAre;
using testing::Pair;

using Id = TaggedNumber<struct IdTag, std::int64_t>;

struct Lamp {
  Id id;
  std::string name;
  std::optional<bool> lit;

  bool operator==(const Lamp&) const = default;
};

template <class Visitor, Either<Lamp> Fields>
void fields(Visitor& visit, Fields& x) {
  visit.always("ID", x.id);
  visit("Name", x.name);
  visit("Lit", x.lit);
}

struct House {
  std::optional<WallTime> built;
  std::optional<std::optional<WallTime>> sold;
  std::optional<std::vector<std::string>> names;
  std::vector<Lamp> lamps;
  std::map<Id, Lamp> by_id;
  std::map<std::string, std::vector<Raw>> attributes;
  std::vector<std::uint8_t> deed;
  std::optional<IpAddress> address;
  std::vector<IpPrefix> prefixes;
  std::vector<Endpoint> endpoints;
  double height = 0;
  std::uint16_t port = 0;

  bool operator==(const House&) const = default;
};

template <class Visitor, Either<House> Fields>
void fields(Visitor& visit, Fields& x) {
  visit.always("Built", x.built);
  visit("Sold", x.sold);
  visit("Names", x.names);
  visit.always("Lamps", x.lamps);
  visit("ByID", x.by_id);
  visit("Attributes", x.attributes);
  visit.always("Deed", x.deed);
  visit("Address", x.address);
  visit("Prefixes", x.prefixes);
  visit("Endpoints", x.endpoints);
  visit("Height", x.height);
  visit("Port", x.port);
}

constexpr Limits kLimits{.bytes = 1000, .depth = 8, .list = 5};

House house_from(std::string_view text) {
  const auto house = read_text<House>(text, kLimits);
  if (!house) {
    ADD_FAILURE() << house.error().detail;
    return {};
  }
  return *house;
}

std::string error_of(std::string_view text) {
  const auto house = read_text<House>(text, kLimits);
  return house ? "none" : house.error().detail;
}

std::string text_of(const House& house) {
  std::string out;
  Writer writer(out);
  write(writer, house);
  return out;
}

constexpr std::string_view kFull =
    R"({"Built":"2026-01-02T03:04:05.5Z","Sold":"0001-01-01T00:00:00Z","Names":[],)"
    R"("Lamps":[{"ID":7,"Name":"h\"all\u0001","Lit":false}],"ByID":{"-3":{"ID":0}},)"
    R"("Attributes":{"a":[1,-2,"x",{"b":[null,true]},2.5],"b":[]},"Deed":"AQI=",)"
    R"("Address":"::1","Prefixes":["10.0.0.0/8","fd7a::/48"],)"
    R"("Endpoints":["192.0.2.1:5","[2001:db8::1]:6",""],"Height":1.5,"Port":65535})";

TEST(JsonWire, WritesWhatItReads) {
  EXPECT_EQ(text_of(house_from(kFull)), kFull);
}

TEST(JsonWire, LeavesZerosOutExceptWhereTheyAreAlwaysWritten) {
  EXPECT_EQ(text_of({}), R"({"Built":"0001-01-01T00:00:00Z","Lamps":[],"Deed":null})");
}

TEST(JsonWire, ReadsAbsentNullAndZeroAlike) {
  EXPECT_EQ(house_from("{}"), House{});
  EXPECT_EQ(house_from(R"({"Built":null,"Sold":null,"Names":null,"Lamps":null,"ByID":null,
    "Attributes":null,"Deed":null,"Address":null,"Prefixes":null,"Endpoints":null,"Height":null,
    "Port":null})"),
            House{});
  EXPECT_EQ(house_from(R"({"Built":"0001-01-01T00:00:00Z","Lamps":[],"ByID":{},"Attributes":{},
    "Deed":"","Address":"","Prefixes":[],"Endpoints":[],"Height":0,"Port":0})"),
            House{});
}

TEST(JsonWire, TellsAbsentFromEmptyWhereTheTypeDoes) {
  EXPECT_FALSE(house_from("{}").names);
  EXPECT_TRUE(house_from(R"({"Names":[]})").names);
  EXPECT_FALSE(house_from("{}").sold);
  const auto sold = house_from(R"({"Sold":"0001-01-01T00:00:00Z"})").sold;
  ASSERT_TRUE(sold);
  EXPECT_FALSE(*sold);
}

TEST(JsonWire, IgnoresUnknownKeysAndTheCaseOfKeys) {
  const House house = house_from(R"( { "port" : 5, "nosuch":{"x":[1]}, "LAMPS":[{"id":2}] } )");
  EXPECT_EQ(house.port, 5);
  EXPECT_THAT(house.lamps, ElementsAre(Lamp{.id = Id{2}, .name = {}, .lit = {}}));
  EXPECT_EQ(house_from(R"({"port":5,"Port":6})").port, 6);
}

TEST(JsonWire, LeavesNullStructsOutAndKeepsOtherNulls) {
  EXPECT_TRUE(house_from(R"({"Lamps":[null],"ByID":{"1":null}})").lamps.empty());
  EXPECT_THAT(house_from(R"({"Attributes":{"a":null,"b":[null]}})").attributes,
              ElementsAre(Pair("a", ElementsAre()), Pair("b", ElementsAre(Raw()))));
}

TEST(JsonWire, ReadsAnEndpointWithAZoneAsNone) {
  EXPECT_THAT(
      house_from(R"({"Endpoints":["[fe80::1%eth0]:5","[fe80::1%3]:5","192.0.2.1:5"]})").endpoints,
      ElementsAre(Endpoint{}, Endpoint{}, *Endpoint::parse("192.0.2.1:5")));
}

// The parser alone reads these with an error in the last place, a little more each time.
TEST(JsonWire, KeepsFractionsThroughReadingAndWriting) {
  for (const std::string number : {"9.05555555555555e+99", "1.11111111111111e+126", "0.000188182",
                                   "-8.7e-07", "1.79769313486231e+308", "1e-289"}) {
    const std::string text = R"({"Built":"0001-01-01T00:00:00Z","Lamps":[],"Attributes":{"a":[)" +
                             number + R"(]},"Deed":null,"Height":)" + number + "}";
    EXPECT_EQ(text_of(house_from(text)), text);
  }
  EXPECT_EQ(house_from(R"({"Height":4.9e-324})").height, 0);
}

TEST(JsonWire, SaysWhereAndWhyAValueIsWrong) {
  EXPECT_EQ(error_of("[]"), "expected an object");
  EXPECT_EQ(error_of(R"({"Port":1.0})"), "Port: expected a whole number from 0 to 65535");
  EXPECT_EQ(error_of(R"({"Port":1e3})"), "Port: expected a whole number from 0 to 65535");
  EXPECT_EQ(error_of(R"({"Port":65536})"), "Port: expected a whole number from 0 to 65535");
  EXPECT_EQ(error_of(R"({"Port":-1})"), "Port: expected a whole number from 0 to 65535");
  EXPECT_EQ(error_of(R"({"Port":"1"})"), "Port: expected a whole number from 0 to 65535");
  EXPECT_EQ(error_of(R"({"Lamps":[{},{"Lit":"yes"}]})"), "Lamps[1].Lit: expected true or false");
  EXPECT_EQ(error_of(R"({"ByID":{"1":{"Name":5}}})"), "ByID.1.Name: expected a text");
  EXPECT_EQ(error_of(R"({"ByID":{"x":{}}})"), "ByID.x: unexpected key");
  EXPECT_EQ(error_of(R"({"Attributes":{"a":5}})"), "Attributes.a: expected a list");
  EXPECT_EQ(error_of(R"({"Deed":"AQI"})"), "Deed: expected base64");
  EXPECT_EQ(error_of(R"({"Deed":"===="})"), "Deed: expected base64");
  EXPECT_EQ(error_of(R"({"Built":""})"), "Built: expected a time such as 2026-01-02T03:04:05Z");
  EXPECT_EQ(error_of(R"({"Prefixes":["x"]})"), "Prefixes[0]: expected an IP prefix");
  EXPECT_EQ(error_of(R"({"Address":"x"})"), "Address: expected an IP address");
  EXPECT_EQ(error_of(R"({"Endpoints":["1.2.3.4"]})"),
            "Endpoints[0]: expected an IP address and a port");
  EXPECT_EQ(error_of(R"({"Height":1e999})").substr(0, 2), "He");
}

TEST(JsonWire, RefusesWhatIsOverItsLimits) {
  EXPECT_EQ(error_of(R"({"Names":["","","","","",""]})"), "Names: more than 5 elements");
  EXPECT_EQ(error_of(R"({"ByID":{"1":{},"2":{},"3":{},"4":{},"5":{},"6":{}}})"),
            "ByID: more than 5 elements");
  EXPECT_EQ(error_of(std::string(1001, ' ')), "longer than 1000 bytes");
  EXPECT_THAT(error_of(R"({"x":[[[[[[[[]]]]]]]]})"), testing::StartsWith("no JSON: "));
  EXPECT_THAT(error_of(R"({"Port":1}x)"), testing::StartsWith("no JSON: "));
}

TEST(JsonWire, RefusesEveryTruncation) {
  for (std::size_t n = 0; n < kFull.size(); ++n) {
    EXPECT_FALSE(read_text<House>(kFull.substr(0, n), kLimits)) << "length " << n;
  }
}

TEST(JsonRaw, KeepsValuesAsCompactText) {
  EXPECT_EQ(Raw().text(), "null");
  EXPECT_EQ(Raw::boolean(true).text(), "true");
  EXPECT_EQ(Raw::integer(-5).text(), "-5");
  EXPECT_EQ(Raw::string("a\"b").text(), R"("a\"b")");
  EXPECT_EQ(Raw::parse(R"( {"a" : [1, 18446744073709551615, 1e-7, "\u003c\n"]} )")->text(),
            R"({"a":[1,18446744073709551615,1e-07,"<\n"]})");
  EXPECT_FALSE(Raw::parse("{"));
  EXPECT_FALSE(Raw::parse(std::string(17, '[') + std::string(17, ']')));
}

}  // namespace

}  // namespace warren::json::wire
