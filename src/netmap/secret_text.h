#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"
#include "crypto/sha256.h"

// The secrets that people copy and paste: `<kind>_<id 12 base62><43 base62 of 32 random bytes><6
// base62 of CRC-32>`. The kind and the checksum let a leak scanner recognise one; a secret is
// looked up by its id and compared by its hash, so the store holds nothing that opens a door (spec:
// server section 1.2).
namespace warren::netmap {

inline constexpr std::string_view kAuthKeyKind = "wak";

struct SecretText {
  std::string id;
  std::string text;  // the secret itself: shown once, never stored
  Sha256Hash hash{};
};

SecretText make_secret(std::string_view kind, Random& random);

struct SecretReference {
  std::string_view id;  // borrowed from the text
  Sha256Hash hash{};
};

// None when it is not of this kind or the checksum is wrong: a typing error, not a guess.
std::optional<SecretReference> parse_secret(std::string_view kind, std::string_view text);

// Letters and digits without those that look alike (base58): for ids that people read.
std::string random_base58(std::size_t length, Random& random);

}  // namespace warren::netmap
