#include "base/result.h"
#include "crypto/key_text.h"

using namespace warren;  // NOLINT(google-build-using-namespace): a fuzz target

namespace {

// What is read and written again is read as the same key.
template <class Key>
void check(std::string_view text) {
  Key key;
  if (!parse_key_text(text, key)) return;
  Key again;
  WARREN_CHECK(parse_key_text(to_text(key), again) && again == key);
  WARREN_CHECK(to_text(key).size() == text.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text(ByteView(data, size));
  check<MachinePublicKey>(text);
  check<NodePublicKey>(text);
  check<DiscoPublicKey>(text);
  check<ChallengePublicKey>(text);
  NodePrivateKey key;
  if (parse_private_key_text(text, key)) {
    NodePrivateKey again;
    WARREN_CHECK(parse_private_key_text(as_text(to_private_text(key).bytes()), again));
    WARREN_CHECK(equal_constant_time(key.bytes(), again.bytes()));
  }
  return 0;
}
