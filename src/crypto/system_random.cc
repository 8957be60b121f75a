#include "crypto/system_random.h"

#include <sodium.h>

namespace warren {

void SystemRandom::fill(MutableByteView out) {
  randombytes_buf(out.data(), out.size());
}

bool init_crypto() {
  return sodium_init() >= 0;
}

}  // namespace warren
