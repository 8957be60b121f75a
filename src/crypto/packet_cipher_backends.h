#pragma once

#include "crypto/packet_cipher.h"

// The backends behind create_packet_cipher(). For this folder only.
namespace warren {

Result<std::unique_ptr<PacketCipher>> create_evp_packet_cipher();

// Defined only where CMake found libipsec-mb (WARREN_HAVE_IPSEC_MB).
Result<std::unique_ptr<PacketCipher>> create_ipsec_mb_packet_cipher();

}  // namespace warren
