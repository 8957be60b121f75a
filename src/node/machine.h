#pragma once

#include <string>
#include <vector>

#include "base/ip_address.h"
#include "node/core/control_client.h"
#include "node/core/prefs.h"
#include "path/report.h"
#include "proto/control/hostinfo.h"

// What we tell of this machine (spec: control sections 7.2, 7.3 and 13 item 4).
namespace warren::node {

// What does not change while we run.
control::Hostinfo describe_machine();

// The machine's own name, without its domain.
std::string machine_name();

// `overlay_running`: `report` and `endpoints` say something.
Introduction make_introduction(const control::Hostinfo& machine,
                               const Prefs& prefs,
                               const DiscoPublicKey& disco_key,
                               const std::vector<Endpoint>& endpoints,
                               const path::Report* report);

// Whether a server, or a peer, has reason to hear of it: latencies alone are none.
bool is_news(const Introduction& before, const Introduction& now);

}  // namespace warren::node
