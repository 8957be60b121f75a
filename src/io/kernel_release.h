#pragma once

#include <optional>
#include <string_view>

namespace warren::io {

struct KernelRelease {
  unsigned major = 0;
  unsigned minor = 0;
  unsigned patch = 0;

  auto operator<=>(const KernelRelease&) const = default;

  // "6.1.0-28-amd64", "7.1-rc3": what follows the numbers is ignored.
  static std::optional<KernelRelease> parse(std::string_view text);
};

KernelRelease running_kernel();  // zeros when uname has no numbers

// Linux 7.0.0 to 7.1.4 damages UDP headers when all segments of a message are equal (spec:
// data-plane section 3.3: b10b446c, fixed by 78effd8 and 5f17ae0); it cannot be seen at start.
bool damages_udp_segments(const KernelRelease& release);

}  // namespace warren::io
