#include "io/kernel_release.h"

#include <charconv>

#include <sys/utsname.h>

namespace warren::io {

std::optional<KernelRelease> KernelRelease::parse(std::string_view text) {
  KernelRelease out;
  const char* at = text.data();
  const char* const end = at + text.size();
  unsigned* const parts[] = {&out.major, &out.minor, &out.patch};
  for (std::size_t i = 0; i < std::size(parts); ++i) {
    if (i > 0) {
      if (at == end || *at != '.') break;
      ++at;
    }
    const auto [next, error] = std::from_chars(at, end, *parts[i]);
    if (error != std::errc()) return std::nullopt;
    at = next;
    if (i == 0 && at == end) return std::nullopt;  // "7" is no release
  }
  return out;
}

KernelRelease running_kernel() {
  utsname name{};
  if (uname(&name) != 0) return {};
  return KernelRelease::parse(name.release).value_or(KernelRelease{});
}

bool damages_udp_segments(const KernelRelease& release) {
  return release >= KernelRelease{7, 0, 0} && release <= KernelRelease{7, 1, 4};
}

}  // namespace warren::io
