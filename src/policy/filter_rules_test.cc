#include "policy/filter_rules.h"

#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy/testing.h"

namespace warren::policy {
namespace {

using testing::address;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::wire_rule;

AddressRange range(std::string_view first, std::string_view last) {
  return {.first = address(first), .last = address(last)};
}

FilterRules parse(const WireRule& rule, const CapabilityAddresses& capabilities = {}) {
  const auto parsed = parse_filter_rules(std::span(&rule, 1), capabilities);
  EXPECT_TRUE(parsed);
  return *parsed;
}

TEST(FilterRules, ReadsTheAllowAllRule) {  // control section 7.6
  const FilterRules parsed =
      parse(wire_rule({"*"}, {{.addresses = "*", .first_port = 0, .last_port = 65535}}));
  ASSERT_THAT(parsed.rules, SizeIs(1));
  const FilterRule& rule = parsed.rules[0];
  EXPECT_THAT(rule.sources, ElementsAre(AddressRange::all(false), AddressRange::all(true)));
  ASSERT_THAT(rule.destinations, SizeIs(2));
  EXPECT_EQ(rule.destinations[1].addresses, AddressRange::all(true));
  EXPECT_TRUE(rule.destinations[1].ports.is_all());
  EXPECT_THAT(rule.protocols, ElementsAre(6, 17, 1, 58));
  EXPECT_EQ(parsed.ignored_parts, 0U);
}

TEST(FilterRules, ReadsEachFormOfAddresses) {
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"100.64.0.1", "100.64.0.1", "100.64.0.1"},
      {"100.64.0.0/10", "100.64.0.0", "100.127.255.255"},
      {"10.0.0.7/32", "10.0.0.7", "10.0.0.7"},
      {"0.0.0.0/0", "0.0.0.0", "255.255.255.255"},
      {"100.64.0.3-100.64.0.9", "100.64.0.3", "100.64.0.9"},
      {"100.64.0.3-100.64.0.3", "100.64.0.3", "100.64.0.3"},
      {"fd7a:115c:a1e0::/48", "fd7a:115c:a1e0::", "fd7a:115c:a1e0:ffff:ffff:ffff:ffff:ffff"},
      {"fd7a::1-fd7a::f", "fd7a::1", "fd7a::f"},
  };
  for (const auto& [text, first, last] : cases) {
    SCOPED_TRACE(text);
    const FilterRules parsed =
        parse(wire_rule({text}, {{.addresses = text, .first_port = 22, .last_port = 80}}));
    ASSERT_THAT(parsed.rules, SizeIs(1));
    EXPECT_THAT(parsed.rules[0].sources, ElementsAre(range(first, last)));
    EXPECT_THAT(parsed.rules[0].destinations,
                ElementsAre(FilterDestination{range(first, last), {.first = 22, .last = 80}}));
  }
}

TEST(FilterRules, LeavesOutAndCountsWhatMeansNothing) {
  for (const char* const text :
       {"", "nas", "100.64.0.1/10", "100.64.0.0/33", "100.64.0.9-100.64.0.3", "100.64.0.1-fd7a::1",
        "fd7a::1/64", "1.2.3.4/", "1.2.3.4-", "-1.2.3.4", "fe80::1%eth0", "**", " 1.2.3.4"}) {
    SCOPED_TRACE(text);
    const FilterRules parsed =
        parse(wire_rule({"10.0.0.1", text}, {{.addresses = "*", .last_port = 65535},
                                             {.addresses = text, .last_port = 65535}}));
    ASSERT_THAT(parsed.rules, SizeIs(1));
    EXPECT_THAT(parsed.rules[0].sources, SizeIs(1));
    EXPECT_THAT(parsed.rules[0].destinations, SizeIs(2));
    EXPECT_EQ(parsed.ignored_parts, 2U);
  }
}

TEST(FilterRules, LeavesOutNumbersThatDoNotFit) {
  const FilterRules parsed = parse(wire_rule({"*"},
                                             {{.addresses = "*", .first_port = 80, .last_port = 79},
                                              {.addresses = "*", .last_port = 65536},
                                              {.addresses = "*", .first_port = -1, .last_port = 9},
                                              {.addresses = "10.0.0.1", .last_port = 65535}},
                                             {6, 256, -1}));
  ASSERT_THAT(parsed.rules, SizeIs(1));
  EXPECT_THAT(parsed.rules[0].destinations, SizeIs(1));
  EXPECT_THAT(parsed.rules[0].protocols, ElementsAre(6));
  EXPECT_EQ(parsed.ignored_parts, 5U);
}

TEST(FilterRules, DoesNotTakeUnknownProtocolsForTheDefaultSet) {
  EXPECT_THAT(parse(wire_rule({"*"}, {{.addresses = "*", .last_port = 65535}}, {300})).rules,
              IsEmpty());
}

TEST(FilterRules, DropsRulesThatNobodyOrNothingIsIn) {
  EXPECT_THAT(parse(wire_rule({}, {{.addresses = "*", .last_port = 65535}})).rules, IsEmpty());
  EXPECT_THAT(parse(wire_rule({"*"}, {})).rules, IsEmpty());  // a capability grant
}

TEST(FilterRules, ResolvesCapabilitiesToTheirPeers) {
  const CapabilityAddresses capabilities = {
      {"example.com/cap/a", {address("100.64.0.5"), address("fd7a::5")}}};
  const WireRule rule =
      wire_rule({"cap:example.com/cap/a", "cap:nobody"}, {{.addresses = "*", .last_port = 65535}});
  const FilterRules parsed = parse(rule, capabilities);
  ASSERT_THAT(parsed.rules, SizeIs(1));
  EXPECT_THAT(parsed.rules[0].sources,
              ElementsAre(range("100.64.0.5", "100.64.0.5"), range("fd7a::5", "fd7a::5")));
  EXPECT_EQ(parsed.ignored_parts, 0U);
}

TEST(FilterRules, RejectsTheWholeFilterForBits) {
  const WireRule good = wire_rule({"*"}, {{.addresses = "*", .last_port = 65535}});
  WireRule with_source_bits = good;
  with_source_bits.has_source_bits = true;
  WireRule with_bits = good;
  with_bits.destinations[0].has_bits = true;
  for (const WireRule& bad : {with_source_bits, with_bits}) {
    EXPECT_FALSE(parse_filter_rules(std::vector{good, bad}, {}));
  }
}

}  // namespace
}  // namespace warren::policy
