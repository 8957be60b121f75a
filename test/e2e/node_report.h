#pragma once

#include <string_view>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "base/time.h"
#include "path/engine.h"
#include "relay/client/client.h"
#include "tunnel/tunnel.h"

// What the test program says, as JSON. Times are seconds of the boot clock, durations seconds.
namespace warren::e2e {

double to_seconds(TimePoint time);
double to_seconds(Duration duration);

// {"event": NAME, "time": …}
boost::json::object make_event(std::string_view name, TimePoint now);

boost::json::array to_json(const std::vector<Endpoint>& endpoints);
boost::json::object to_json(const path::Report& report);
// The state, with "direct" and "relay" where packets go now.
boost::json::object to_json(const path::PeerStatus& status);

// Also "peer", its key, and what the WireGuard engine knows of it. Of a tunnel that is a mesh.
boost::json::object describe_peer(tunnel::Tunnel& tunnel, wg::PeerId peer);
// All peers and all counters.
boost::json::object describe(tunnel::Tunnel& tunnel, const relay::client::ClientCounters& relay);

}  // namespace warren::e2e
