#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "proto/dns/message.h"
#include "proto/dns/numbers.h"

// Records as people read and write them.
namespace warren::dns {

// "A", "aaaa", "TYPE65" (RFC 3597 section 5), "65".
std::optional<RecordType> parse_record_type(std::string_view text);
std::string to_string(RecordType type);

// "NXDOMAIN"; of codes that have no name the number.
std::string to_string(ResponseCode code);

// The data of a record of `message`: an address, a name, a text in quotes; what is unknown or
// malformed as RFC 3597 section 5 has it: \# 2 0a0b. Printable ASCII, whatever is in it.
std::string data_text(ByteView message, const RecordView& record);

}  // namespace warren::dns
