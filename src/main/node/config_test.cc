#include "main/node/config.h"

#include <gtest/gtest.h>

namespace warren::noded {
namespace {

TEST(NodeConfig, ReadsWhatIsThereAndKeepsTheRest) {
  const auto config = parse_config(R"({"port": 41700, "log-level": "debug",})");
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_EQ(config->port, 41700);
  EXPECT_EQ(config->device, "warren0");
}

TEST(NodeConfig, SaysWhereItIsWrong) {
  for (const char* const text : {R"({"prot": 1})", R"({"port": 65536})", R"({"device": ""})",
                                 R"({"device": "sixteen-letters-"})", R"({"log-level": "loud"})"}) {
    EXPECT_FALSE(parse_config(text)) << text;
  }
}

TEST(NodeConfig, OfTheExampleFileIsTheDefaults) {
  const auto example = load_config(WARREN_SOURCE_DIR "/packaging/node.json");
  ASSERT_TRUE(example) << example.error().detail;
  EXPECT_TRUE(*example == *parse_config("{}"));
}

}  // namespace
}  // namespace warren::noded
