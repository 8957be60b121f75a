#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"

namespace warren {

using Sha256Hash = std::array<std::uint8_t, 32>;

// SHA-256 (FIPS 180-4).
Sha256Hash sha256(ByteView bytes);

}  // namespace warren
