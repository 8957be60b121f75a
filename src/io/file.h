#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "base/result.h"

namespace warren::io {

// The whole file. NotFound when there is none, InvalidArgument when it is larger than `limit`.
Result<std::string> read_file(const std::string& path, std::size_t limit);

// Replaces the file in one step, on disk when it returns: whoever reads it sees the old content or
// the new, also after a power cut. `mode` is the new file's, whatever the umask.
Result<void> replace_file(const std::string& path, std::string_view content, mode_t mode);

}  // namespace warren::io
