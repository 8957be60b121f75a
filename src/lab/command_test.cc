#include "lab/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warren::lab {

namespace {

template <class T>
T parse_as(std::string_view line) {
  const auto command = parse_command(line);
  if (!command) ADD_FAILURE() << command.error().detail;
  return std::get<T>(*command);
}

std::string error_of(std::string_view line) {
  const auto command = parse_command(line);
  return command ? "none" : command.error().detail;
}

}  // namespace

TEST(LabCommand, ReadsEachCommand) {
  const auto link = parse_as<SetLink>(R"({"do": "link", "of": "h", "up": {"delay": "1ms"}})");
  EXPECT_EQ(link.of, "h");
  EXPECT_EQ(link.up, (LinkQuality{.delay = 1ms}));
  EXPECT_FALSE(link.both);
  EXPECT_EQ(parse_as<SetLinkState>(R"({"do": "link_state", "of": "h", "state": "down"})").state,
            LinkState::Down);
  EXPECT_EQ(parse_as<Forget>(R"({"do": "forget", "router": "r"})").router, "r");
  EXPECT_EQ(
      parse_as<SetExternal>(R"({"do": "external", "router": "r", "addresses": ["192.0.2.1"]})")
          .addresses.size(),
      1U);
  EXPECT_EQ(parse_as<SetBlock>(R"({"do": "block", "of": "r", "what": "udp"})").what, Block::Udp);
  const auto move = parse_as<Move>(R"({"do": "move", "host": "h", "addresses": ["10.0.0.1/8"]})");
  EXPECT_FALSE(move.behind);
  EXPECT_EQ(move.addresses.value_or(std::vector<InterfaceAddress>()).size(), 1U);
  parse_as<GetCounters>(R"({"do": "counters"})");
}

TEST(LabCommand, SaysWhatIsWrong) {
  EXPECT_THAT(error_of("nonsense"), testing::StartsWith("line 1, column "));
  EXPECT_EQ(error_of("[]"), "expected an object with \"do\": the name of a command");
  EXPECT_EQ(error_of(R"({"do": "dance"})"), "do: there is no command \"dance\"");
  EXPECT_EQ(error_of(R"({"do": "forget"})"), "router: is missing");
  EXPECT_EQ(error_of(R"({"do": "forget", "router": "r", "now": 1})"), "now: unknown key");
  EXPECT_EQ(error_of(R"({"do": "external", "router": "r", "addresses": []})"),
            "addresses: expected at least one address");
}

TEST(LabCommand, FormatsReplies) {
  EXPECT_EQ(format_reply(boost::json::object()), "{\"ok\":true}\n");
  EXPECT_EQ(format_reply(fail(Errc::NotFound, "no \"x\"")),
            "{\"ok\":false,\"error\":\"no \\\"x\\\"\"}\n");
  NodeCounters router{.name = "r",
                      .is_router = true,
                      .behind = "s",
                      .block = Block::Udp,
                      .external = {IpAddress::v4({192, 0, 2, 1})},
                      .sent = 1,
                      .received = 2,
                      .sessions = 3};
  router.drops[std::to_underlying(Drop::NoRoute)] = 4;
  boost::json::object reply;
  reply["nodes"] = to_json({router});
  EXPECT_EQ(format_reply(reply),
            "{\"nodes\":{\"r\":{\"behind\":\"s\",\"block\":\"udp\","
            "\"external\":[\"192.0.2.1\"],\"sent\":1,\"received\":2,"
            "\"sessions\":3,"
            "\"drops\":{\"no_route\":4}}},\"ok\":true}\n");
}

}  // namespace warren::lab
