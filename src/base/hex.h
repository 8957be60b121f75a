#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"

// Text forms of bytes. They take time that depends on the input: never for comparing secrets.
namespace warren {

std::string to_hex(ByteView bytes);  // lower case

// Exactly out.size() bytes from 2 * out.size() digits of either case. False, with `out` undefined,
// otherwise.
bool parse_hex(std::string_view text, MutableByteView out);

// RFC 4648 section 4, with padding.
std::string to_base64(ByteView bytes);

// RFC 4648 section 5, without padding: for URLs, and inside of JSON Web Signatures.
std::string to_base64url(ByteView bytes);

// Exactly out.size() bytes, canonical: padded, and with unused bits zero. False, with `out`
// undefined, otherwise.
bool parse_base64(std::string_view text, MutableByteView out);

}  // namespace warren
