#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace warren::io {

// Values under /proc/sys of the calling thread's network namespace. Names have slashes, because
// interface names may have dots: "net/ipv4/conf/all/src_valid_mark".
Result<std::string> read_sysctl(std::string_view name);  // without the newline at the end
Result<void> write_sysctl(std::string_view name, std::string_view value);

}  // namespace warren::io
