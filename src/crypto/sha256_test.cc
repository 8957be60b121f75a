#include "crypto/sha256.h"

#include <string_view>

#include <gtest/gtest.h>

#include "base/hex.h"

namespace warren {
namespace {

std::string hash_of(std::string_view text) {
  return to_hex(sha256(as_bytes(text)));
}

// FIPS 180-4 examples, as NIST publishes them.
TEST(Sha256, MatchesPublishedExamples) {
  EXPECT_EQ(hash_of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hash_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hash_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

}  // namespace
}  // namespace warren
