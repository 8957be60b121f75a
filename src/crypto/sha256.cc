#include "crypto/sha256.h"

#include <openssl/sha.h>

#include "base/result.h"

namespace warren {

Sha256Hash sha256(ByteView bytes) {
  Sha256Hash out;
  WARREN_CHECK(SHA256(bytes.data(), bytes.size(), out.data()) != nullptr);
  return out;
}

}  // namespace warren
