#pragma once

#include "base/result.h"

namespace warren::io {

// Gives up, for good and for every program started later, all that root may do but CAP_NET_ADMIN
// and CAP_NET_RAW (where it has the latter): permitted, effective, inheritable and ambient sets,
// the bounding set where that is allowed, and no_new_privs. Capabilities belong to threads: call it
// before there is a second one; with several it changes nothing and fails.
//
// Files and sockets that others own are out of reach afterwards, also for user 0. PermissionDenied
// without CAP_NET_ADMIN.
Result<void> drop_privileges();

// Whether this thread may make devices, addresses and routes.
bool may_administer_network();

// Gives that up for good, and nothing else. Before there is a second thread. Harmless where it was
// never allowed.
Result<void> give_up_network_administration();

}  // namespace warren::io
