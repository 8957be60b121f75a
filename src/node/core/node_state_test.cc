#include "node/core/node_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node/core/testing.h"

namespace warren::node {

namespace {

using ::testing::HasSubstr;

NodeState some_state() {
  NodeState out;
  out.machine_key = testing::key<MachinePrivateKey>(1);
  out.node_key = testing::key<NodePrivateKey>(2);
  out.server_key = testing::key<MachinePublicKey>(3);
  out.prefs.control_url = "https://net.example.org";
  out.prefs.want_running = true;
  return out;
}

std::string refusal(std::string_view text) {
  const auto state = decode_node_state(text);
  return state ? "" : state.error().detail;
}

TEST(NodeState, SurvivesReadingAndWriting) {
  const NodeState state = some_state();
  const auto again = decode_node_state(encode_node_state(state));
  ASSERT_TRUE(again) << again.error().detail;
  EXPECT_EQ(again->machine_key.public_key(), state.machine_key.public_key());
  EXPECT_EQ(again->node_key.public_key(), state.node_key.public_key());
  EXPECT_EQ(again->server_key, state.server_key);
  EXPECT_EQ(again->prefs, state.prefs);
}

TEST(NodeState, NeedsNoMoreThanAMachineKey) {
  NodeState state;
  state.machine_key = testing::key<MachinePrivateKey>(1);
  const auto again = decode_node_state(encode_node_state(state));
  ASSERT_TRUE(again) << again.error().detail;
  EXPECT_TRUE(again->node_key.is_zero());
  EXPECT_EQ(again->server_key, std::nullopt);
  EXPECT_EQ(again->prefs, default_prefs());
}

TEST(NodeState, SaysWhatIsWrongWithAFile) {
  EXPECT_THAT(refusal(R"({"Version":2})"), HasSubstr("version 2"));
  EXPECT_THAT(refusal(R"({"Version":1})"), HasSubstr("MachineKey"));
  EXPECT_THAT(refusal(""), HasSubstr("damaged"));
  const std::string whole = encode_node_state(some_state());
  for (std::size_t size = 0; size + 2 < whole.size(); ++size) {
    EXPECT_FALSE(decode_node_state(whole.substr(0, size))) << size;
  }
}

}  // namespace

}  // namespace warren::node
