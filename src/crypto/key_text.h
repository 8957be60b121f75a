#pragma once

#include <string>
#include <string_view>

#include "base/secret.h"
#include "crypto/keys.h"

// Text forms of keys in the control protocol and in files (spec: control section 1): a prefix that
// names the kind, then the bytes in hex. Digits of either case are read; everything else that
// departs from the form is refused, the empty text included.
namespace warren {

inline constexpr std::size_t kPrivateKeyTextSize = 8 + 2 * kKeySize;  // "privkey:" and digits

// Not a string, so that it is wiped and no formatter takes it.
using PrivateKeyText = Secret<kPrivateKeyTextSize>;

std::string to_text(const MachinePublicKey& key);    // mkey:
std::string to_text(const NodePublicKey& key);       // nodekey:
std::string to_text(const DiscoPublicKey& key);      // discokey:
std::string to_text(const ChallengePublicKey& key);  // chalpub:

// False, with `out` as it was, when the text is no such key. Zeros are a key here: "none".
bool parse_key_text(std::string_view text, MachinePublicKey& out);
bool parse_key_text(std::string_view text, NodePublicKey& out);
bool parse_key_text(std::string_view text, DiscoPublicKey& out);
bool parse_key_text(std::string_view text, ChallengePublicKey& out);

// "privkey:" for both kinds; what the file is for says which. Nothing here branches on a digit or
// uses it as an index. Disco and challenge keys are never written down.
PrivateKeyText to_private_text(const MachinePrivateKey& key);
PrivateKeyText to_private_text(const NodePrivateKey& key);
bool parse_private_key_text(std::string_view text, MachinePrivateKey& out);
bool parse_private_key_text(std::string_view text, NodePrivateKey& out);

}  // namespace warren
