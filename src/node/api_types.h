#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "io/metrics_text.h"
#include "node/daemon.h"

// The local API's own JSON: what is neither status, preferences nor an answer of core/.
namespace warren::node {

// {"UpdatePrefs":{…MaskedPrefs},"AuthKey":"…","ServerKey":"mkey:…","ForceReauth":true}
Result<StartRequest> decode_start_request(std::string_view json);

// One line of the notification bus (spec: node-features section 17.3).
std::string encode_notice(const Notice& notice, const Prefs& prefs);
// The first line: what holds now, as far as the mask asks for it.
std::string encode_first_notice(const Daemon& daemon, std::uint64_t session, std::uint64_t mask);

// Everything that helps to understand what the daemon does; no secrets.
std::string debug_text(const Daemon& daemon);

std::vector<io::Metric> daemon_metrics(const Daemon& daemon);

}  // namespace warren::node
