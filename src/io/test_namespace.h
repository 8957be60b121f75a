#pragma once

#include <cerrno>
#include <string>

#include <sched.h>

#include "base/result.h"
#include "io/link.h"
#include "io/netlink.h"

// Test support: a network of the test's own, so that it can make devices and routes and leaves
// none.
namespace warren::io {

// Moves the calling thread, and threads it starts later, into a new network namespace with the
// loopback interface up. Fails with PermissionDenied where that is not allowed: tests then skip.
inline Result<void> enter_test_namespace() {
  if (unshare(CLONE_NEWNET) != 0) {
    return unexpected(errno_error("make a network namespace (needs root)", errno));
  }
  WARREN_TRY(Netlink netlink, Netlink::open());
  WARREN_TRY(const Link loopback, find_link(netlink, "lo"));
  return set_link_state(netlink, loopback.index, LinkState::Up);
}

}  // namespace warren::io
