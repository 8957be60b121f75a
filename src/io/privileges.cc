#include "io/privileges.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <iterator>
#include <memory>
#include <system_error>
#include <vector>

#include <sys/capability.h>
#include <sys/prctl.h>

namespace warren::io {

namespace {

struct FreeCapabilities {
  void operator()(_cap_struct* capabilities) const { cap_free(capabilities); }
};

using Capabilities = std::unique_ptr<_cap_struct, FreeCapabilities>;

bool is_alone() {
  std::error_code error;
  const std::filesystem::directory_iterator threads("/proc/self/task", error);
  return error || std::distance(begin(threads), end(threads)) == 1;
}

Result<std::vector<cap_value_t>> capabilities_to_keep() {
  const Capabilities current(cap_get_proc());
  if (current == nullptr) return unexpected(errno_error("read the capabilities", errno));
  std::vector<cap_value_t> out;
  for (const cap_value_t wanted : {CAP_NET_ADMIN, CAP_NET_RAW}) {
    cap_flag_value_t has = CAP_CLEAR;
    cap_get_flag(current.get(), wanted, CAP_PERMITTED, &has);
    if (has == CAP_SET) out.push_back(wanted);
  }
  if (out.empty() || out.front() != CAP_NET_ADMIN) {
    return fail(Errc::PermissionDenied,
                "CAP_NET_ADMIN is missing: run it as root, from its systemd unit, or in a "
                "container with --cap-add NET_ADMIN");
  }
  return out;
}

// Needs CAP_SETPCAP; without it what is missing here is missing in the permitted set too.
void limit_bounding_set(const std::vector<cap_value_t>& keep) {
  for (cap_value_t value = 0; value < cap_max_bits(); ++value) {
    if (std::ranges::find(keep, value) == keep.end()) cap_drop_bound(value);
  }
}

}  // namespace

bool may_administer_network() {
  const Capabilities current(cap_get_proc());
  cap_flag_value_t has = CAP_CLEAR;
  return current != nullptr &&
         cap_get_flag(current.get(), CAP_NET_ADMIN, CAP_EFFECTIVE, &has) == 0 && has == CAP_SET;
}

Result<void> give_up_network_administration() {
  const Capabilities current(cap_get_proc());
  if (current == nullptr) return unexpected(errno_error("read the capabilities", errno));
  cap_drop_bound(CAP_NET_ADMIN);  // needs CAP_SETPCAP; without it no new one can be had anyway
  const cap_value_t value = CAP_NET_ADMIN;
  for (const cap_flag_t flag : {CAP_INHERITABLE, CAP_EFFECTIVE, CAP_PERMITTED}) {
    if (cap_set_flag(current.get(), flag, 1, &value, CAP_CLEAR) != 0)
      return unexpected(errno_error("give up CAP_NET_ADMIN", errno));
  }
  // The kernel takes from the ambient set what is not inheritable any more.
  if (cap_set_proc(current.get()) != 0)
    return unexpected(errno_error("give up CAP_NET_ADMIN", errno));
  return {};
}

Result<void> drop_privileges() {
  if (!is_alone()) {
    return fail(Errc::InvalidArgument, "drop privileges: another thread is running already");
  }
  WARREN_TRY(const std::vector<cap_value_t> keep, capabilities_to_keep());
  const Capabilities reduced(cap_init());
  if (reduced == nullptr) return unexpected(errno_error("drop privileges", errno));
  for (const cap_flag_t flag : {CAP_PERMITTED, CAP_EFFECTIVE}) {
    if (cap_set_flag(reduced.get(), flag, static_cast<int>(keep.size()), keep.data(), CAP_SET) != 0)
      return unexpected(errno_error("drop privileges", errno));
  }
  limit_bounding_set(keep);
  if (cap_reset_ambient() != 0 || cap_set_proc(reduced.get()) != 0 ||
      prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return unexpected(errno_error("drop privileges", errno));
  }
  return {};
}

}  // namespace warren::io
