#include "crypto/key_text.h"

#include <gtest/gtest.h>

#include "crypto/testing.h"

namespace warren {
namespace {

// Spec: control section 2.7.
constexpr std::string_view kMachineHex =
    "358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254";
constexpr std::string_view kMachinePrivateHex =
    "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e7f";

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(c >= 'a' && c <= 'f' ? c - 'a' + 'A' : c);
  return out;
}

template <class Key>
void expect_public_form(std::string_view prefix) {
  SCOPED_TRACE(prefix);
  const Key key(array_from_hex<kKeySize>(kMachineHex));
  const std::string text = std::string(prefix) + std::string(kMachineHex);
  EXPECT_EQ(to_text(key), text);
  Key parsed;
  EXPECT_TRUE(parse_key_text(text, parsed));
  EXPECT_EQ(parsed, key);
  Key from_upper;
  EXPECT_TRUE(parse_key_text(std::string(prefix) + upper(kMachineHex), from_upper));
  EXPECT_EQ(from_upper, key);

  for (std::size_t n = 0; n < text.size(); ++n) {
    EXPECT_FALSE(parse_key_text(std::string_view(text).substr(0, n), parsed)) << n;
  }
  std::string bad_digit = text;
  bad_digit.back() = 'g';
  for (const std::string& wrong :
       {text + "0", text + "00", " " + text, text + "\n", bad_digit, std::string(kMachineHex),
        upper(prefix.substr(0, 1)) + "x" + text.substr(2), "xkey:" + std::string(kMachineHex)}) {
    EXPECT_FALSE(parse_key_text(wrong, parsed)) << wrong;
  }
  EXPECT_EQ(parsed, key);  // what is refused changes nothing
}

TEST(KeyText, ReadsAndWritesEachPublicKind) {
  expect_public_form<MachinePublicKey>("mkey:");
  expect_public_form<NodePublicKey>("nodekey:");
  expect_public_form<DiscoPublicKey>("discokey:");
  expect_public_form<ChallengePublicKey>("chalpub:");
}

TEST(KeyText, RefusesTheTextOfAnotherKind) {
  const std::string node = to_text(NodePublicKey(array_from_hex<kKeySize>(kMachineHex)));
  MachinePublicKey machine;
  EXPECT_FALSE(parse_key_text(node, machine));
  EXPECT_FALSE(parse_key_text("NODEKEY:" + std::string(kMachineHex), machine));
}

TEST(KeyText, ReadsZerosAsNoKey) {
  NodePublicKey key(array_from_hex<kKeySize>(kMachineHex));
  EXPECT_TRUE(parse_key_text("nodekey:" + std::string(64, '0'), key));
  EXPECT_TRUE(key.is_zero());
}

TEST(KeyText, ReadsAndWritesPrivateKeys) {
  const std::string text = "privkey:" + std::string(kMachinePrivateHex);
  MachinePrivateKey machine;
  ASSERT_TRUE(parse_private_key_text(text, machine));
  EXPECT_EQ(to_hex(machine.bytes()), kMachinePrivateHex);
  EXPECT_EQ(to_hex(machine.public_key().bytes()), kMachineHex);
  EXPECT_EQ(as_text(to_private_text(machine).bytes()), text);
  NodePrivateKey node;
  ASSERT_TRUE(parse_private_key_text("privkey:" + upper(kMachinePrivateHex), node));
  EXPECT_EQ(as_text(to_private_text(node).bytes()), text);
}

TEST(KeyText, RefusesWhatIsNoPrivateKey) {
  const std::string text = "privkey:" + std::string(kMachinePrivateHex);
  NodePrivateKey key;
  for (std::size_t n = 0; n < text.size(); ++n) {
    EXPECT_FALSE(parse_private_key_text(std::string_view(text).substr(0, n), key)) << n;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string wrong = text;
    wrong[i] = ':' == wrong[i] ? '0' : ':';
    EXPECT_FALSE(parse_private_key_text(wrong, key)) << i;
  }
  EXPECT_FALSE(parse_private_key_text(text + "0", key));
  EXPECT_FALSE(parse_private_key_text("Privkey:" + std::string(kMachinePrivateHex), key));
  EXPECT_TRUE(key.is_zero());
}

}  // namespace
}  // namespace warren
